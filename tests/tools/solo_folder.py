"""What the folder of a solo system says after a run, and what stages say that read its log in one go. For tests only."""

import itertools
import pathlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from foundation.settings import Settings
from patterns.entries import Change, read_record
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import Entry, LogRecord
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, SIDE
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments
from pipeline.solo.stages import CONTROL_TOPICS, TOLD_TOPICS, Stages
from stores.archive.archive import open_archive
from stores.archive.archive_rows import KINDS, Kind

OUTCOME_TOPICS = ("decisions", "late", "dead-letters")
ARCHIVED: tuple[Kind, ...] = KINDS
Said = tuple[str, bytes, Any]
"""Topic, key and value of a record, without the fields that say when it was made."""


class Run(NamedTuple):
    """What came of a log: the records of the output, and the replies by the name of who waited."""

    outcomes: list[Said]
    replies: dict[str, list[Any]]


def records_of(settings: Settings, log: str) -> list[LogRecord]:
    """All records of a log that another process may write to."""
    segments, found = Segments(settings.path(*LOGS) / log), []
    segments.refresh()
    reader = LogReader(segments, {topic for segment in segments.all for topic in segment.lasts})
    while records := reader.read(1_000):
        found += records
    segments.close()
    return found


def outcomes_of(settings: Settings) -> list[Said]:
    """What the engine wrote."""
    return [said(record) for record in records_of(settings, OUTPUT) if record.topic in OUTCOME_TOPICS]


class EntriesSoFar:
    """Gives the entries of lists that stand before the events that are decided next."""

    def __init__(self) -> None:
        self.waiting: list[Change] = []

    def start(self) -> None:
        pass

    def take(self) -> list[Change]:
        taken, self.waiting = self.waiting, []
        return taken


def run_anew(records: Sequence[LogRecord]) -> Run:
    """What stages say that take in all records in one process that nobody kills."""
    entries = EntriesSoFar()
    stages, run = Stages(DictState(), DictState(), clock=lambda: 0.0, entries=entries), Run([], {})
    for topic, group in itertools.groupby(records, key=lambda record: record.topic):
        part = list(group)
        if topic in CONTROL_TOPICS:
            stages.control(part)
        elif topic == "entries":
            changes = (read_record(record.key, record.value, record.ordinal).change for record in part)
            entries.waiting += [change for change in changes if change is not None]
        elif topic == "events" or topic in TOLD_TOPICS:
            outcome = stages.events(part) if topic == "events" else stages.told(topic, part)
            run.outcomes.extend(map(said, outcome.entries))
            for name, value in outcome.replies:
                run.replies.setdefault(name, []).append(msgspec.json.decode(value))
    return run


def said(record: Entry | LogRecord) -> Said:
    value = msgspec.json.decode(record.value or b"")
    value.pop("processed_at", None), value.pop("latency_ms", None)
    return record.topic, record.key, value


def by_topic(outcomes: Sequence[Said]) -> dict[str, list[Said]]:
    """The records of each topic in their order, but dead letters sorted: several stages write these, in parts as large as their batches."""
    found = {topic: [each for each in outcomes if each[0] == topic] for topic in OUTCOME_TOPICS}
    return found | {"dead-letters": sorted(found["dead-letters"], key=repr)}


def names_of(outcomes: Sequence[Said]) -> list[tuple[str, int]]:
    """Event id and revision of each decision."""
    return [(value["event_id"], value["revision"]) for topic, _, value in outcomes if topic == "decisions"]


def require_delivered_once(settings: Settings, names: Sequence[tuple[str, int]]) -> None:
    """Lets pass what has each decision once in the store, the archive and the rows of metrics, and each event and label in the archive."""
    assert len(set(names)) == len(names)
    assert sorted(stored_in(settings)) == sorted(names)
    assert counted(settings) == len(names)
    for kind in ARCHIVED:
        times = Counter(archived_offsets(settings, kind))
        assert {offset: count for offset, count in times.items() if count > 1} == {}, f"{kind} that are in the archive twice"
        assert sorted(times) == offsets_of(settings, kind), kind


def everything_is_delivered(settings: Settings, labelled: set[str]) -> bool:
    """Whether each of these labels has reached the engine, or a dead letter says why not, and each record the stores and the archive.

    No label of an event that was too late is resolved, since there is no decision on it.
    """
    decided = sum(record.topic == "decisions" for record in records_of(settings, OUTPUT))
    if len(stored_in(settings)) < decided or counted(settings) < decided:
        return False
    resolved = {msgspec.json.decode(each.value)["event_id"] for each in records_of(settings, INPUT) if each.topic == "labels-resolved"}
    if not labelled <= resolved | _dead_labels(settings) | _too_late(settings):
        return False
    return all(len(archived_offsets(settings, kind)) >= len(offsets_of(settings, kind)) for kind in ARCHIVED)


def _too_late(settings: Settings) -> set[str]:
    """The events that were too late."""
    return {str(msgspec.json.decode(record.value)["event_id"]) for record in records_of(settings, OUTPUT) if record.topic == "late"}


def _dead_labels(settings: Settings) -> set[str]:
    """The events whose labels are dead letters: those that were retracted."""
    letters = [msgspec.json.decode(record.value) for record in records_of(settings, SIDE) if record.topic == "dead-letters"]
    values = [msgspec.json.decode(msgspec.convert(letter["value"], bytes)) for letter in letters]
    return {str(value["event_id"]) for value in values}


def stored_in(settings: Settings) -> list[tuple[str, int]]:
    """Event id and revision of each decision in the store."""
    path: pathlib.Path = settings.path("decisions.db")
    if not path.exists():
        return []
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute("select event_id, revision from decision").fetchall()
    finally:
        connection.close()


def offsets_of(settings: Settings, kind: Kind) -> list[int]:
    return [record.ordinal for record in records_of(settings, OUTPUT if kind == "decisions" else INPUT) if record.topic == kind]


def archived_offsets(settings: Settings, kind: Kind) -> list[int]:
    tables = open_archive(settings.archive_place()).read(kind, columns=("offset",))
    return sorted(offset for table in tables for offset in table["offset"].to_pylist())


def counted(settings: Settings) -> int:
    """How many decisions the rows of metrics count."""
    rows = (msgspec.json.decode(record.value) for record in records_of(settings, SIDE) if record.topic == "metrics")
    return sum(row["count"] for row in rows if row["metric"] == "decisions")
