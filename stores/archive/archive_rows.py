"""Defines what the archive holds: records as they stood in a topic; parts of decisions also as columns."""

import itertools
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import msgspec
import pyarrow as pa

Stream = Literal["events", "decisions", "labels"]
Change = Literal["control", "models", "entries", "facts"]
Logged = Literal["labels-resolved"]
Kind = Stream | Change | Logged
STREAMS: tuple[Stream, ...] = get_args(Stream)
"""The topics of which each record is one event, decision or label."""
CHANGES: tuple[Change, ...] = get_args(Change)
"""The compacted topics of which each record is kept, so that what was in force at any time can be found: few records, and some large ones.
An empty value stands for a tombstone. Another such topic is one more name here."""
LOGGED: tuple[Logged, ...] = get_args(Logged)
"""The topics that are archived besides where all records stand in one log: what was decided follows from these together in their order."""
KINDS: tuple[Kind, ...] = (*STREAMS, *CHANGES, *LOGGED)
MERGED: tuple[Kind, ...] = (*STREAMS, *LOGGED)
"""The topics of which the many small files of a day are merged into one."""
DAY_MS = 86_400_000
AT = pa.timestamp("ms", tz="UTC")


class ArchivedRecord(NamedTuple):
    """Holds one record of a topic: partition and offset, the broker's time in ms, key and value unchanged."""

    partition: int
    offset: int
    at_ms: int
    key: bytes
    value: bytes


class Day(msgspec.Struct, frozen=True):
    """Says what the archive has of one kind and day: number and bytes of the files that count, and rows, repeats included."""

    kind: Kind
    day: str
    files: int
    bytes: int
    rows: int


RECORDS = pa.schema(
    {"partition": pa.int32(), "offset": pa.int64(), "at": AT, "key": pa.binary(), "value": pa.binary()},
    metadata={"weir.archive": "1"},
)
"""The columns of all kinds but decisions. `at` is the broker's time, which determines the day."""

MATCH = pa.struct([("pattern", pa.string()), ("version", pa.string()), ("action", pa.string()), ("shadow", pa.bool_())])
"""A rule that matched; the values that it found are in `value` alone."""

DECISIONS = pa.schema(
    [
        *RECORDS,
        pa.field("event_id", pa.string()),
        pa.field("revision", pa.int32()),
        pa.field("event_time", AT),
        pa.field("user", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("action", pa.string()),
        pa.field("release", pa.int32()),
        pa.field("features", pa.map_(pa.string(), pa.float64())),
        pa.field("decided_by", pa.string()),
        pa.field("matches", pa.list_(MATCH)),
        pa.field("match_count", pa.int32()),
        pa.field("probability", pa.float64()),
        pa.field("probability_low", pa.float64()),
        pa.field("probability_high", pa.float64()),
    ],
    metadata={"weir.archive": "1"},
)
"""The columns of decisions, with the features as they were served. `event_time` determines the day."""

ADDED = (("decided_by", "matches", "match_count"), ("probability", "probability_low", "probability_high"))
"""Columns of decisions that came together, oldest first. Files from before lack them and all that came later: their rows have nulls."""


def schema_of(kind: Kind) -> pa.Schema:
    """Returns the columns of files of `kind`."""
    return DECISIONS if kind == "decisions" else RECORDS


def time_column(kind: Kind) -> str:
    """Returns the column whose time determines the day of a row and the order of reading."""
    return "event_time" if kind == "decisions" else "at"


def older_schemas_of(kind: Kind) -> list[pa.Schema]:
    """Returns the columns of files of `kind` that were written before there were all of those that are `ADDED`, oldest first."""
    whole = schema_of(kind)
    lacking = [set(itertools.chain.from_iterable(ADDED[first:])) for first in range(len(ADDED))]
    return [pa.schema([field for field in whole if field.name not in names], metadata=whole.metadata) for names in lacking]


def completed(table: pa.Table, kind: Kind, columns: Sequence[str]) -> pa.Table:
    """`table` with all of `columns`, those that its file lacks full of nulls."""
    whole = schema_of(kind)
    for name in columns:
        if name not in table.column_names:
            table = table.append_column(whole.field(name), pa.nulls(len(table), whole.field(name).type))
    return table.select(columns)
