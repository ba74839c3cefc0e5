"""The archive's files: what a day is, where its files are, and rows as the bytes of one Parquet file."""

import datetime
import io
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from features.refusal import Refusal
from stores.archive_rows import ArchivedDecision, ArchivedRecord

Kind = Literal["events", "decisions", "labels"]
KINDS: tuple[Kind, ...] = ("events", "decisions", "labels")

DAY_MS = 86_400_000
SCHEMA_VERSION = 1
ROWS_A_GROUP = 65_536
_MOMENT = pa.timestamp("ms", tz="UTC")
_PLACE = [pa.field("partition", pa.int32(), False), pa.field("offset", pa.int64(), False)]

RECORDS = pa.schema(
    [*_PLACE, pa.field("arrived", _MOMENT, False), pa.field("key", pa.binary(), False), pa.field("value", pa.binary(), False)],
    metadata={"weir.schema_version": str(SCHEMA_VERSION)},
)
DECISIONS = pa.schema(
    [
        *_PLACE,
        pa.field("event_id", pa.string(), False),
        pa.field("revision", pa.int32(), False),
        pa.field("event_time", _MOMENT, False),
        pa.field("user", pa.string(), False),
        pa.field("score", pa.float64()),
        pa.field("action", pa.string(), False),
        pa.field("release", pa.int32(), False),
        pa.field("features", pa.map_(pa.string(), pa.float64()), False),
        pa.field("value", pa.binary(), False),
    ],
    metadata={"weir.schema_version": str(SCHEMA_VERSION)},
)


class _Served(msgspec.Struct, gc=False):
    event_id: str
    revision: int
    event_time: int
    user: str
    score: float | None
    action: str
    release: int
    features: dict[str, float | None] = {}


_decode = msgspec.json.Decoder(_Served).decode


def schema_of(kind: Kind) -> pa.Schema:
    """The columns of a kind's files."""
    return DECISIONS if kind == "decisions" else RECORDS


def time_column(kind: Kind) -> str:
    """What a kind is cut into days and read in the order of: the event's time, or the record's own."""
    return "event_time" if kind == "decisions" else "arrived"


def day_of(time_ms: int) -> str:
    """The day in UTC of a moment in ms, such as ``2026-11-28``.

    Raises:
        Refusal: the moment is not in the years 1 to 9999.
    """
    try:
        return (datetime.date(1970, 1, 1) + datetime.timedelta(days=time_ms // DAY_MS)).isoformat()
    except OverflowError as error:
        raise Refusal("bad time", where="archive", expected="a time in the years 1 to 9999", got=f"{time_ms} ms") from error


def day_start_ms(day: str) -> int:
    """The first moment of a day, in ms."""
    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * DAY_MS


def folder_of(kind: Kind, day: str) -> str:
    """Where the files of a day are, below the archive's root; those that are complete are named ``part-*.parquet``."""
    return f"{kind}/day={day}"


def decision_of(value: bytes, partition: int, offset: int) -> ArchivedDecision:
    """The row of a record of the topic ``decisions``.

    Raises:
        Refusal: `value` is no decision.
    """
    try:
        read = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        where = f"partition {partition}, offset {offset}"
        raise Refusal("no decision", where=where, expected="a decision as JSON", got=str(error)) from error
    return ArchivedDecision(
        partition=partition,
        offset=offset,
        event_id=read.event_id,
        revision=read.revision,
        event_time=read.event_time,
        user=read.user,
        score=read.score,
        action=read.action,
        release=read.release,
        features=read.features,
        value=value,
    )


def encode_records(rows: Sequence[ArchivedRecord]) -> bytes:
    """One Parquet file of `rows`, in the order of time, partition, offset."""
    ordered = sorted(rows, key=lambda row: (row.arrived_ms, row.partition, row.offset))
    columns = [
        pa.array([row.partition for row in ordered], pa.int32()),
        pa.array([row.offset for row in ordered], pa.int64()),
        pa.array([row.arrived_ms for row in ordered], pa.int64()).cast(_MOMENT),
        pa.array([row.key for row in ordered], pa.binary()),
        pa.array([row.value for row in ordered], pa.binary()),
    ]
    return _file(pa.Table.from_arrays(columns, schema=RECORDS))


def encode_decisions(rows: Sequence[ArchivedDecision]) -> bytes:
    """One Parquet file of `rows`, in the order of event time, partition, offset."""
    ordered = sorted(rows, key=lambda row: (row.event_time, row.partition, row.offset))
    columns = [
        pa.array([row.partition for row in ordered], pa.int32()),
        pa.array([row.offset for row in ordered], pa.int64()),
        pa.array([row.event_id for row in ordered], pa.string()),
        pa.array([row.revision for row in ordered], pa.int32()),
        pa.array([row.event_time for row in ordered], pa.int64()).cast(_MOMENT),
        pa.array([row.user for row in ordered], pa.string()),
        pa.array([row.score for row in ordered], pa.float64()),
        pa.array([row.action for row in ordered], pa.string()),
        pa.array([row.release for row in ordered], pa.int32()),
        _maps([row.features for row in ordered]),
        pa.array([row.value for row in ordered], pa.binary()),
    ]
    return _file(pa.Table.from_arrays(columns, schema=DECISIONS))


def _maps(rows: list[dict[str, float | None]]) -> pa.MapArray:
    names = pa.array(chain.from_iterable(rows), pa.string())
    values = pa.array(chain.from_iterable(row.values() for row in rows), pa.float64())
    return pa.MapArray.from_arrays(pa.array([0, *accumulate(map(len, rows))], pa.int32()), names, values)


def _file(table: pa.Table) -> bytes:
    image = io.BytesIO()
    pq.write_table(table, image, compression="zstd", row_group_size=ROWS_A_GROUP)
    return image.getvalue()
