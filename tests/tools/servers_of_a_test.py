"""Which real servers a test needs, read off its fixtures and parameters, so that no test has to say it again."""

import pytest
from example_counts import IS_DEEP

MARKERS = {
    "stack": "flink",
    "flink": "flink",
    "cassandra": "cassandra",
    "druid": "druid",
    "hdfs": "hdfs",
    "s3": "s3",
    "s3_server": "s3",
    "broker": "kafka",
}
"""Marker by fixture, or by the parameter of a contract test."""


UNHURRIED_MS = 2_000
"""How long an event of a test may wait for its entities: no answer hangs on the machine being quiet, as with the 20 ms of a live system."""


def mark(item: pytest.Item) -> None:
    """Adds the markers of the servers that `item` needs, and names the group of tests that one worker runs.

    One worker runs all tests with servers, one after the other, while others compute: a server is started once a run, and no two
    whole systems fight for two cores. Any other test is grouped with its file, whose fixtures may be dear.
    """
    needed = _needed(item)
    if IS_DEEP and hasattr(getattr(item, "obj", None), "hypothesis"):
        item.add_marker("deep")
    for name in needed:
        item.add_marker(MARKERS[name])
    has_servers = bool(needed) or "integration" in item.path.parts
    if has_servers:
        item.add_marker("integration")
    item.add_marker(pytest.mark.xdist_group("servers" if has_servers else item.nodeid.partition("::")[0]))


def turn(item: pytest.Item) -> int:
    """When `item` runs: those with servers take longest and begin at once."""
    return 2 if item.get_closest_marker("integration") is None else 1


def _needed(item: pytest.Item) -> list[str]:
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = {value for value in getattr(getattr(item, "callspec", None), "params", {}).values() if isinstance(value, str)}
    return [name for name in MARKERS if name in fixtures or name in parameters]
