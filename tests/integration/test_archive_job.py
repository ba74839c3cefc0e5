"""The archive job on a real broker and cluster, into HDFS: what was sent is read back, each record once."""

import time
from typing import NamedTuple

import msgspec
import pytest
from delivery_runs import as_records, decision, submitted
from score_job_runs import START_MS, Json, cancel, prepared, produce, records, wait_for

from deploy.hdfs import Hdfs
from pipeline.settings import Settings
from stores.archive import Archive, open_archive
from stores.archive_rows import Kind

BEFORE, ALL = 10_000, 30_000
"""Of events, and of decisions, before the kill and in all."""
LABELS = 2_000


def events(first: int, last: int) -> list[tuple[str, bytes]]:
    return [(f"u{id % 500}", msgspec.json.encode({"id": id, "at": START_MS + id})) for id in range(first, last)]


def labels() -> list[tuple[str, bytes]]:
    return [(f"e{id}", msgspec.json.encode({"event_id": f"e{id}", "label": id % 2, "label_time": START_MS})) for id in range(LABELS)]


def rows(archive: Archive, kind: Kind) -> int:
    return sum(len(table) for table in archive.read(kind))


class Run(NamedTuple):
    settings: Settings
    archive: Archive
    decisions: list[Json]
    """As written, with repeats."""


@pytest.fixture(scope="module")
def run(broker: str, flink, hdfs: Hdfs, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All of it in the archive, though the TaskManager was killed in mid-stream."""
    flink.scale(1)
    folder = tmp_path_factory.mktemp("archive")
    settings = prepared(broker, flink, folder, "kept.", archive_interval_ms=1_000, archive_url=f"{hdfs.url}/weir/archive")
    archive = open_archive(settings.archive_place())
    written = [decision(id) for id in range(BEFORE)]
    again = [decision(id) | {"score": 0.99} for id in range(BEFORE - 3_000, BEFORE)]
    rest = [decision(id) for id in range(BEFORE, ALL)]
    produce(settings, "events", events(0, BEFORE))
    produce(settings, "decisions", as_records(written))
    job = submitted(flink, settings, "archive")
    wait_for(lambda: rows(archive, "decisions") > 0, 60, "no file before the kill")
    produce(settings, "labels", labels())
    produce(settings, "decisions", as_records(again + rest[:1_000]))
    flink.kill_task_managers()
    produce(settings, "events", events(BEFORE, ALL))
    produce(settings, "decisions", as_records(rest[1_000:]))
    flink.scale(1)
    for kind, count in (("events", ALL), ("decisions", ALL), ("labels", LABELS)):
        wait_for(lambda kind=kind, count=count: rows(archive, kind) >= count, 120, f"{kind} that are not in the archive")
    time.sleep(2)  # one checkpoint more: nothing must come of it
    cancel(flink, job)
    return Run(settings, archive, written + again + rest)


@pytest.mark.parametrize("kind", ["events", "labels"])
def test_events_and_labels_are_there_byte_for_byte_each_once(run: Run, kind: Kind) -> None:
    sent = {(each.partition(), each.offset()): (each.key(), each.value(), each.timestamp()[1]) for each in records(run.settings, kind)}
    kept = {}
    for table in run.archive.read(kind):
        for row in table.to_pylist():
            place = row["partition"], row["offset"]
            assert place not in kept
            kept[place] = row["key"], row["value"], round(row["at"].timestamp() * 1000)
    assert kept == sent


def test_the_first_decision_of_each_event_is_there_once(run: Run) -> None:
    first = {each["event_id"]: each for each in reversed(run.decisions)}
    kept = [msgspec.json.decode(value) for table in run.archive.read("decisions") for value in table["value"].to_pylist()]
    assert len(kept) == len(first) == ALL
    assert {each["event_id"]: each for each in kept} == first


def test_features_are_columns_as_they_were_served(run: Run) -> None:
    served = {each["event_id"]: each["features"] for each in run.decisions}
    for table in run.archive.read("decisions"):
        for event_id, features in zip(table["event_id"].to_pylist(), table["features"].to_pylist(), strict=True):
            assert dict(features) == served[event_id]
