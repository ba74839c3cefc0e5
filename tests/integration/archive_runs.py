"""The archive job on real servers, killed in mid-stream: what was sent, and what the archive has of it. For tests only."""

import time
from typing import NamedTuple

import msgspec
from delivery_runs import as_records, decision, submitted
from score_job_runs import START_MS, Json, cancel, produce, records, wait_for

from foundation.settings import Settings
from stores.archive.archive import Archive, open_archive
from stores.archive.archive_rows import Kind

BEFORE, ALL = 5_000, 15_000
"""Of events, and of decisions, before the kill and in all."""
LABELS = 2_000
CHANGES = [(f"key-{number}", bytes(500_000)) for number in range(4)]
"""Of which compaction would leave the newest of each key."""


class Run(NamedTuple):
    settings: Settings
    archive: Archive
    decisions: list[Json]
    """As written, with repeats."""


def killed_in_mid_stream(flink, settings: Settings) -> Run:
    """All of it in the archive, though the TaskManager was killed in mid-stream."""
    archive = open_archive(settings.archive_place())
    written = [decision(id) for id in range(BEFORE)]
    again = [decision(id) | {"score": 0.99} for id in range(BEFORE - 3_000, BEFORE)]
    rest = [decision(id) for id in range(BEFORE, ALL)]
    produce(settings, "events", events(0, BEFORE))
    produce(settings, "models", CHANGES)
    produce(settings, "decisions", as_records(written))
    job = submitted(flink, settings, "archive")
    wait_for(lambda: rows(archive, "decisions") > 0, 60, "no file before the kill")
    produce(settings, "labels", labels())
    produce(settings, "decisions", as_records(again + rest[:1_000]))
    flink.kill_task_managers()
    produce(settings, "events", events(BEFORE, ALL))
    produce(settings, "decisions", as_records(rest[1_000:]))
    flink.scale(1)
    produce(settings, "models", CHANGES)
    for kind, count in (("events", ALL), ("decisions", ALL), ("labels", LABELS), ("models", 2 * len(CHANGES))):
        wait_for(lambda kind=kind, count=count: rows(archive, kind) >= count, 120, f"{kind} that are not in the archive")
    time.sleep(2)  # one checkpoint more: nothing must come of it
    cancel(flink, job)
    return Run(settings, archive, written + again + rest)


def events(first: int, last: int) -> list[tuple[str, bytes]]:
    return [(f"u{id % 500}", msgspec.json.encode({"id": id, "at": START_MS + id})) for id in range(first, last)]


def labels() -> list[tuple[str, bytes]]:
    return [(f"e{id}", msgspec.json.encode({"event_id": f"e{id}", "label": id % 2, "label_time": START_MS})) for id in range(LABELS)]


def rows(archive: Archive, kind: Kind) -> int:
    """Rows in all files, as these say: more than can be read where a checkpoint's files came twice."""
    return sum(day.rows for day in archive.days(kind))


Kept = dict[tuple[int, int], tuple[bytes, bytes, int]]
"""Key, value and time in ms by partition and offset."""


def sent(settings: Settings, kind: Kind) -> Kept:
    """What is on the topic of `kind`."""
    return {(each.partition(), each.offset()): (each.key(), each.value() or b"", each.timestamp()[1]) for each in records(settings, kind)}


def kept(archive: Archive, kind: Kind) -> Kept:
    """What is in the archive; fails where a record is there twice."""
    found: Kept = {}
    for table in archive.read(kind):
        for row in table.to_pylist():
            place = row["partition"], row["offset"]
            assert place not in found
            found[place] = row["key"], row["value"], round(row["at"].timestamp() * 1000)
    return found


def kept_decisions(archive: Archive) -> list[Json]:
    return [msgspec.json.decode(value) for table in archive.read("decisions") for value in table["value"].to_pylist()]


def first_of_each(decisions: list[Json]) -> dict[object, Json]:
    """The decision by event id that was written first."""
    return {each["event_id"]: each for each in reversed(decisions)}
