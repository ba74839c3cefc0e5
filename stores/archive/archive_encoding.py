"""Encodes archived rows as the bytes of one Parquet file."""

import functools
import io
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from stores.archive.archive_rows import AT, DAY_MS, DECISIONS, MATCH, RECORDS, ArchivedRecord, Kind

ROW_GROUP = 65_536
LAST_DAY = 2_932_896
"""The last day that can be archived, 9999-12-31, in days since the epoch."""
WRITING = {
    "compression": "zstd",
    "use_dictionary": ["partition", "user", "action", "release", "decided_by", "features.key_value.key"],
    "write_statistics": ["partition", "offset", "at", "event_time"],
}
"""How files are written: dictionaries only for values that repeat, statistics only for columns that are searched."""


class ArchivedMatch(msgspec.Struct):
    """What of a match becomes a column."""

    pattern: str = ""
    version: str | int = ""
    action: str = ""
    shadow: bool = False


class ArchivedDecision(msgspec.Struct):
    """Holds the parts of a decision that become columns; its integers fit the columns' types."""

    event_id: str
    revision: Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
    event_time: Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
    user: str
    score: float | None
    action: str
    release: Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
    features: dict[str, float | None] = {}
    decided_by: str | None = None
    matches: list[ArchivedMatch] = []
    match_count: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] = 0
    probability: float | None = None
    probability_interval: tuple[float | None, float | None] = (None, None)


decode_decision = msgspec.json.Decoder(ArchivedDecision).decode
"""Decodes a decision. Raises `msgspec.DecodeError` if the bytes are no decision."""


def day_of(time_ms: int) -> str:
    """Returns the UTC day of `time_ms`, such as 2026-11-28; times out of range get the first or the last day."""
    return _name_of(min(max(time_ms // DAY_MS, 0), LAST_DAY))


@functools.lru_cache(maxsize=64)  # it takes longer than all else that is done to gather a record
def _name_of(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")


def folder_of(kind: Kind, day: str) -> str:
    """Returns the path of a day's folder below the archive's root."""
    return f"{kind}/day={day}"


def encode_records(records: Sequence[ArchivedRecord]) -> bytes:
    """Encodes a file of any kind but decisions. It takes about a microsecond for a record of 300 bytes."""
    return file_of(pa.Table.from_arrays(_places(records), schema=RECORDS))


def encode_decisions(records: Sequence[ArchivedRecord], decisions: Sequence[ArchivedDecision]) -> bytes:
    """Encodes a file of `decisions`, decoded from the values of `records`. It takes about 10 µs for one of 14 features."""
    features = [each.features for each in decisions]
    ends = np.cumsum([0, *map(len, features)], dtype=np.int32)
    names = pa.array(list(itertools.chain.from_iterable(features)), pa.string())
    numbers = pa.array(list(itertools.chain.from_iterable(map(dict.values, features))), pa.float64())
    columns = [
        pa.array([each.event_id for each in decisions], pa.string()),
        pa.array([each.revision for each in decisions], pa.int32()),
        pa.array([each.event_time for each in decisions], pa.int64()).cast(AT),
        pa.array([each.user for each in decisions], pa.string()),
        pa.array([each.score for each in decisions], pa.float64()),
        pa.array([each.action for each in decisions], pa.string()),
        pa.array([each.release for each in decisions], pa.int32()),
        pa.MapArray.from_arrays(ends, names, numbers),
        pa.array([each.decided_by for each in decisions], pa.string()),
        _matches([each.matches for each in decisions]),
        pa.array([each.match_count for each in decisions], pa.int32()),
        pa.array([each.probability for each in decisions], pa.float64()),
        *(pa.array([each.probability_interval[end] for each in decisions], pa.float64()) for end in (0, 1)),
    ]
    return file_of(pa.Table.from_arrays([*_places(records), *columns], schema=DECISIONS))


def _matches(lists: Sequence[list[ArchivedMatch]]) -> pa.Array:
    ends = np.cumsum([0, *map(len, lists)], dtype=np.int32)
    each = [match for matches in lists for match in matches]
    columns = [
        pa.array([match.pattern for match in each], pa.string()),
        pa.array([str(match.version) for match in each], pa.string()),
        pa.array([match.action for match in each], pa.string()),
        pa.array([match.shadow for match in each], pa.bool_()),
    ]
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(columns, fields=list(MATCH)))


def file_of(table: pa.Table) -> bytes:
    """Returns the bytes of a file that holds `table`."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, row_group_size=ROW_GROUP, **WRITING)
    return out.getvalue()


def _places(records: Sequence[ArchivedRecord]) -> list[pa.Array]:
    partitions, offsets, at_ms, keys, values = zip(*records, strict=True)
    return [
        pa.array(partitions, pa.int32()),
        pa.array(offsets, pa.int64()),
        pa.array(at_ms, pa.int64()).cast(AT),
        pa.array(keys, pa.binary()),
        pa.array(values, pa.binary()),
    ]
