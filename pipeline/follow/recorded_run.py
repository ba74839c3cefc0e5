"""What was recorded of a running system: its events, labels, facts, decisions and entries of lists, and topics `control` and `models`."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import ArchivedRecord, Kind

_COLUMNS = ("partition", "offset", "at", "key", "value")


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """Holds the records of a run in memory, those of each topic in the order in which they came.

    Args:
        events, labels, facts, entries, control, models: the records; an empty value stands for a tombstone.
        decisions: the values of the first decisions on all events and revisions.
    """

    events: list[ArchivedRecord]
    labels: list[ArchivedRecord]
    facts: list[ArchivedRecord]
    entries: list[ArchivedRecord]
    control: list[ArchivedRecord]
    models: list[ArchivedRecord]
    decisions: list[bytes]


def read_run(archive: FileArchive) -> RecordedRun:
    """Reads all of an archive.

    Raises:
        StoreUnavailableError: the archive does not answer.
        Refusal: a file does not belong to the archive.
    """
    kinds: tuple[Kind, ...] = ("events", "labels", "facts", "entries", "control", "models")
    events, labels, facts, entries, control, models = (_records(archive, kind) for kind in kinds)
    decisions = [value for table in archive.read("decisions", columns=("value",)) for value in table["value"].to_pylist()]
    return RecordedRun(events, labels, facts, entries, control, models, decisions)


def in_order_of_arrival(records: Iterable[ArchivedRecord]) -> list[ArchivedRecord]:
    """Puts the records of several partitions in the order in which a reader of all of them had them, as far as the broker's times tell.

    The records of one partition stay in the order of their offsets, whatever times their senders gave them.
    """
    by_place = sorted(records, key=lambda record: (record.partition, record.offset))
    partitions = [list(part) for _, part in groupby(by_place, key=lambda record: record.partition)]
    return [record for *_, record in heapq.merge(*map(_timed, partitions), key=lambda each: each[:3])]


def _timed(records: list[ArchivedRecord]) -> Iterator[tuple[int, int, int, ArchivedRecord]]:
    newest_ms = -(1 << 63)
    for record in records:
        newest_ms = max(newest_ms, record.at_ms)
        yield newest_ms, record.partition, record.offset, record


def _records(archive: FileArchive, kind: Kind) -> list[ArchivedRecord]:
    found: list[ArchivedRecord] = []
    for table in archive.read(kind, columns=_COLUMNS):
        columns = [table[name].cast(pa.int64()).to_pylist() if name == "at" else table[name].to_pylist() for name in _COLUMNS]
        found += map(ArchivedRecord, *columns)
    return in_order_of_arrival(found)
