"""The archive: events, decisions and labels as they came, by day, as Parquet files wherever Arrow can open files."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import pyarrow as pa

from stores.archive_encoding import Kind
from stores.archive_rows import ArchivedDecision, ArchivedRecord


class ArchivedDay(msgspec.Struct, frozen=True):
    """What the archive holds of one kind and day.

    Args:
        kind: events, decisions or labels.
        day: in UTC, such as ``2026-11-28``.
        files: that are read; those that a merged one replaces are not counted.
        rows: in them, repeats among them.
        bytes: of them.
    """

    kind: Kind
    day: str
    files: int
    rows: int
    bytes: int


class Archive(Protocol):
    """Complete files, by kind and day. Any number read, any number write, one process at a time should `compact`.

    Raises:
        StoreUnavailableError: any call, when the files cannot be reached in time.
        Refusal: a file is not the archive's, or of another version.
    """

    def read(self, kind: Kind, from_ms: int, to_ms: int, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Rows from `from_ms` up to `to_ms`, which is left out, as tables of some 65,536 rows.

        Times are the event's for decisions, the record's own for events and labels; rows come in the order of (time, partition,
        offset). A record written twice comes once. Of decisions with the same event id, revision and event time the first comes.
        Memory holds what files overlap in time, not a day. What is written meanwhile comes or not.

        Args:
            columns: of `stores.archive_encoding.schema_of`, all when empty.
        """

    def days(self, kind: Kind) -> list[ArchivedDay]:
        """What there is, the oldest day first."""

    def put(self, kind: Kind, day: str, image: bytes) -> None:
        """Adds a file of rows of that day; it appears whole."""

    def compact(self, kind: Kind, day: str) -> bool:
        """Makes one file of a day's, sorted and without repeats; False when there was nothing to do.

        Whatever moment it is killed at, each row is read once: the merged file names those that it replaces, and only when it is
        there are those deleted. Not for a day that is still written into.
        """


def records_of(table: pa.Table) -> list[ArchivedRecord]:
    """Events or labels as rows; `table` has all columns."""
    columns = [table[name].to_pylist() for name in ("partition", "offset")]
    columns.append(table["arrived"].cast(pa.int64()).to_pylist())
    columns += [table[name].to_pylist() for name in ("key", "value")]
    return list(map(ArchivedRecord, *columns))


def decisions_of(table: pa.Table) -> list[ArchivedDecision]:
    """Decisions as rows; `table` has all columns. Some microseconds a feature: who reads many takes columns."""
    columns = []
    for name in ArchivedDecision.__struct_fields__:
        column = table[name].cast(pa.int64()) if name == "event_time" else table[name]
        columns.append([dict(pairs) for pairs in column.to_pylist()] if name == "features" else column.to_pylist())
    return list(map(ArchivedDecision, *columns))
