"""The registry of definitions and releases, opened as the settings say."""

from foundation.settings import Settings
from pipeline.sinks.decision_store import WRITE_SECONDS_MAX, cassandra_place
from stores.cassandra.cassandra_registry import CassandraRegistry, registry_place
from stores.registry import Registry
from stores.sqlite.sqlite_registry import SqliteRegistry


def open_registry(settings: Settings) -> Registry:
    """Makes its tables where they are missing. A server that does not answer may do so later.

    Raises:
        Refusal: it is of another version.
    """
    if settings.store == "cassandra":
        return CassandraRegistry(registry_place(cassandra_place(settings, WRITE_SECONDS_MAX, patient=True)))
    return SqliteRegistry(settings.path("registry.db"))
