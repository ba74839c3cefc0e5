"""Which real servers a test needs, read off its fixtures and parameters, so that no test has to say it again."""

import pytest
from example_counts import IS_DEEP

MARKERS = {
    "stack": "system",
    "flink": "flink",
    "cassandra": "cassandra",
    "postgresql": "postgresql",
    "druid": "druid",
    "hdfs": "hdfs",
    "s3": "s3",
    "s3_server": "s3",
    "broker": "kafka",
    "alertmanager": "alertmanager",
}
"""Marker by fixture, or by the parameter of a contract test."""

UNHURRIED_MS = 2_000
"""How long an event of a test may wait for its entities: no answer hangs on the machine being quiet, as with the 20 ms of a live system."""


def mark(item: pytest.Item) -> None:
    """Adds the markers of the servers that `item` needs; in a deep run, also that of the tests that try many examples."""
    needed = _needed(item)
    if IS_DEEP and hasattr(getattr(item, "obj", None), "hypothesis"):
        item.add_marker("deep")
    for name in needed:
        item.add_marker(MARKERS[name])
    if needed:
        item.add_marker("integration")


def _needed(item: pytest.Item) -> list[str]:
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = {value for value in getattr(getattr(item, "callspec", None), "params", {}).values() if isinstance(value, str)}
    return [name for name in MARKERS if name in fixtures or name in parameters]
