"""Which real servers a test needs, read off its fixtures and parameters, so that no test has to say it again."""

import pathlib
import re

import pytest
from example_counts import DEPTH

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
    "browser": "browser",
}
"""Marker by fixture, or by the parameter of a contract test."""

PROJECT = pathlib.Path(__file__).resolve().parents[2]
[_folders] = re.findall(r"^SERVERS := (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
WITH_SERVERS = [PROJECT / folder for folder in (*_folders.split(), "tests/browser", "tests/quality")]
"""The folders that lanes with servers collect, that of the lane with a browser, and that of measures of quality."""

UNHURRIED_MS = 8_000
"""How long an event of a test may wait for its entities: no answer hangs on the machine being quiet, as with the 20 ms of a live system."""


def mark(item: pytest.Item) -> None:
    """Adds the markers of the servers that `item` needs; in a long or deep run, also that of the tests that try more examples then.

    Raises:
        UsageError: it needs a server, and no lane with servers collects its folder.
    """
    needed = _needed(item)
    if DEPTH != "ordinary" and hasattr(getattr(item, "obj", None), "hypothesis"):
        item.add_marker(DEPTH)
    for name in needed:
        item.add_marker(MARKERS[name])
    if needed:
        item.add_marker("integration")
    if item.get_closest_marker("integration") and not any(folder in item.path.parents for folder in WITH_SERVERS):
        raise pytest.UsageError(f"{item.nodeid} needs servers; add its folder to SERVERS of the Makefile, or no lane runs it")


def _needed(item: pytest.Item) -> list[str]:
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = {value for value in getattr(getattr(item, "callspec", None), "params", {}).values() if isinstance(value, str)}
    return [name for name in MARKERS if name in fixtures or name in parameters]
