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
"""Marker by fixture, or by the parameter of a contract test; what is dearest to start comes first."""


UNHURRIED_MS = 2_000
"""How long an event of a test may wait for its entities: no answer hangs on the machine being quiet, as with the 20 ms of a live system."""


def mark(item: pytest.Item) -> None:
    """Adds the markers of the servers that `item` needs, and names the group of tests that one worker runs.

    Tests that share a server are one group, so that it is started once a run. Any other test is grouped with its file, whose own
    fixtures may be dear too.
    """
    needed = _needed(item)
    if IS_DEEP and hasattr(getattr(item, "obj", None), "hypothesis"):
        item.add_marker("deep")
    for name in needed:
        item.add_marker(MARKERS[name])
    if needed:
        item.add_marker("integration")
    item.add_marker(pytest.mark.xdist_group(MARKERS[needed[0]] if needed else item.nodeid.partition("::")[0]))


def turn(item: pytest.Item) -> int:
    """When `item` runs: Flink's tests, which one worker runs, are the longest; those without a server fill what is left."""
    if item.get_closest_marker("integration") is None:
        return 2
    return 0 if item.get_closest_marker("flink") else 1


def _needed(item: pytest.Item) -> list[str]:
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = {value for value in getattr(getattr(item, "callspec", None), "params", {}).values() if isinstance(value, str)}
    return [name for name in MARKERS if name in fixtures or name in parameters]
