"""The check of the Druid of a running system."""

from deploy.machine.ports import is_open
from deploy.servers.druid_supervisor import supervisor_state
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.sinks.metric_store import open_metrics
from stores.metrics.metrics import MetricsUnavailableError

SECONDS_MAX = 5.0
_REMEDY = "`weir up --profile full` starts it and makes it read the topic"


def metrics_problem(settings: Settings) -> str:
    """What is wrong with Druid; '' if it answers and reads the topic ``metrics``, if it is not used, or if the system does not run."""
    if settings.metrics_store != "druid" or not is_open(settings.api_port):
        return ""
    metrics = open_metrics(settings)
    try:
        metrics.check()
        state = supervisor_state(settings, SECONDS_MAX)
    except (MetricsUnavailableError, Refusal) as error:
        return f"Druid on ports {settings.druid_port} and {settings.druid_coordinator_port} does not answer: {error}; {_REMEDY}"
    finally:
        metrics.close()
    return "" if state in ("RUNNING", "IDLE") else f"the supervisor of topic {settings.topic('metrics')} is {state}; {_REMEDY}"
