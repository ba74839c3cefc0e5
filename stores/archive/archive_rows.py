"""What the archive holds: records as they stood in a topic, with their place; of decisions some parts as columns too."""

from typing import Literal, NamedTuple, get_args

import msgspec
import pyarrow as pa

Kind = Literal["events", "decisions", "labels"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DAY_MS = 86_400_000
AT = pa.timestamp("ms", tz="UTC")


class ArchivedRecord(NamedTuple):
    """One record of a topic: its place, the broker's time in ms, key and value as they were."""

    partition: int
    offset: int
    at_ms: int
    key: bytes
    value: bytes


class Day(msgspec.Struct, frozen=True):
    """What the archive has of one kind and day: `files` that count, their bytes and rows, repeats among them."""

    kind: Kind
    day: str
    files: int
    bytes: int
    rows: int


RECORDS = pa.schema(
    {"partition": pa.int32(), "offset": pa.int64(), "at": AT, "key": pa.binary(), "value": pa.binary()},
    metadata={"weir.archive": "1"},
)
"""Of events and labels. `at` is the broker's time, which says the day."""

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
    ],
    metadata={"weir.archive": "1"},
)
"""Of decisions, with the features as they were served. `event_time` says the day."""


def schema_of(kind: Kind) -> pa.Schema:
    """The columns of files of `kind`."""
    return DECISIONS if kind == "decisions" else RECORDS


def time_column(kind: Kind) -> str:
    """The column by which files of `kind` are cut into days, and read in order."""
    return "event_time" if kind == "decisions" else "at"
