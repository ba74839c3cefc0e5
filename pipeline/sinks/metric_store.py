"""The store of event metrics that the settings name is opened here."""

from foundation.settings import Settings
from pipeline.sinks.druid_access import druid_access
from stores.metrics.druid_metrics import DruidMetrics
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metrics import Metrics


def open_metrics(settings: Settings) -> Metrics:
    """Opens the store for reading; no server is asked before the first query. A DuckDB file has to be filled by the same process.

    Raises:
        Refusal: a certificate or password file for Druid cannot be read.
    """
    timeout_seconds = settings.metrics_timeout_ms / 1000
    if settings.metrics_store == "druid":
        access = druid_access(settings)
        return DruidMetrics(access.broker, settings.topic("metrics"), timeout_seconds, access.tls, access.headers)
    return DuckDbMetrics(settings.path("metrics.duckdb"), timeout_seconds)
