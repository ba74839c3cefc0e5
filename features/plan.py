"""Window statistics of one kind of entity, compiled to the arrays that drive the kernel."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from features.batch import Float64s, Int64s
from features.layout import HEAD_WORDS, NUMBERS_OF_ENTITY, NUMBERS_OF_USER
from features.schema import Schema

COUNT, SUM, MEAN, STD, MIN, MAX, LABEL_COUNT, LABEL_RATE, LABELLED_RATE = range(9)
STATISTICS = {
    "count": COUNT,
    "sum": SUM,
    "mean": MEAN,
    "std": STD,
    "min": MIN,
    "max": MAX,
    "label_count": LABEL_COUNT,
    "label_rate": LABEL_RATE,
    "labelled_rate": LABELLED_RATE,
}
UNIT_COUNT, UNIT_SUM, UNIT_MOMENTS, UNIT_LABELS, UNIT_MIN, UNIT_MAX = range(6)
UNIT_WORDS = (1, 3, 5, 3, 0, 0)
_UNIT_OF = {COUNT: UNIT_COUNT, SUM: UNIT_SUM, MEAN: UNIT_SUM, STD: UNIT_MOMENTS, MIN: UNIT_MIN, MAX: UNIT_MAX}


class Statistic(NamedTuple):
    """One number over one window: rows with time in (t - length - delay, t - delay].

    `column` is a numeric field or '' for the events themselves; `before` leaves the current event out.
    """

    code: int
    column: str
    length_ms: int
    delay_ms: int = 0
    before: bool = False


class PlanArrays(NamedTuple):
    """What the kernel reads of a plan.

    Args:
        offsets: of each cursor, ascending: a cursor stands at the first row younger than its offset.
        passes: (cursor, unit, +1 enters or -1 leaves) in the order of cursors; `pass_ends` bounds those of a cursor.
        units: (kind, history column or -1, first word in the head, index among the extremes or -1, head cursor or -1,
            tail cursor, length, delay).
        live: units without delay, which take in the current event.
        outputs: (unit, statistic, 1 if before the current event).
        scales: divides the output.
        sources: schema column of each retained number.
        numbers: [is_user, columns of a row, first retained number, lateness, keep, dedupe].
    """

    offsets: Int64s
    passes: Int64s
    pass_ends: Int64s
    units: Int64s
    live: Int64s
    outputs: Int64s
    scales: Float64s
    sources: Int64s
    numbers: Int64s


@dataclass(frozen=True)
class Plan:
    """A compiled set of statistics.

    Args:
        kind: of entity.
        is_user: the primary entity: its history also remembers what was decided, and judges lateness.
        columns: retained numeric fields, a column of history each.
        width: outputs.
        head_words: of one entity's head.
        extremes: min and max windows.
        layout: hash of all that the bytes of a head depend on.
    """

    kind: str
    is_user: bool
    columns: tuple[str, ...]
    arrays: PlanArrays = field(repr=False)
    width: int
    head_words: int
    extremes: int
    layout: int

    @property
    def row_words(self) -> int:
        """64-bit words of one retained event."""
        return int(self.arrays.numbers[1])


def compile_plan(kind: str, is_user: bool, statistics: Sequence[Statistic], schema: Schema) -> Plan:
    """The plan that gives `statistics`, in their order. Equal windows over one column share their running sums."""
    wanted = {s.column for s in statistics if s.column} | set(schema.retained)
    columns = tuple(name for name in schema.columns if name in wanted)
    first = NUMBERS_OF_USER if is_user else NUMBERS_OF_ENTITY
    offsets = sorted({s.length_ms + s.delay_ms for s in statistics} | {s.delay_ms for s in statistics if s.delay_ms})
    keys = _units_of(statistics)
    units, words, extremes = _lay_out(keys, offsets, columns, first)
    passes, pass_ends = _passes(units, len(offsets))
    keep_ms = max(schema.retention_ms, max(offsets, default=0) + schema.lateness_ms)
    scale_of = dict(zip(schema.columns, schema.scales, strict=True))
    arrays = PlanArrays(
        offsets=np.array(offsets, dtype=np.int64),
        passes=passes,
        pass_ends=pass_ends,
        units=units,
        live=np.flatnonzero(units[:, 4] < 0).astype(np.int64),
        outputs=np.array([(_place(keys, s), s.code, s.before) for s in statistics], dtype=np.int64).reshape(-1, 3),
        scales=np.array([1.0 if s.code == COUNT else scale_of.get(s.column, 1.0) for s in statistics], dtype=np.float64),
        sources=np.array([schema.columns.index(name) for name in columns], dtype=np.int64),
        numbers=np.array([is_user, first + len(columns), first, schema.lateness_ms, keep_ms, schema.dedupe_ms], dtype=np.int64),
    )
    layout = msgspec.json.encode([kind, is_user, columns, offsets, units.tolist()])
    return Plan(
        kind=kind,
        is_user=is_user,
        columns=columns,
        arrays=arrays,
        width=len(statistics),
        head_words=words,
        extremes=extremes,
        layout=int.from_bytes(hashlib.blake2b(layout, digest_size=8).digest(), "little", signed=True),
    )


_Key = tuple[int, str, int, int]


def _family(statistic: Statistic) -> tuple[int, str, int, int]:
    """What may share a unit: sums of one column, or labels, over one window."""
    unit = _UNIT_OF.get(statistic.code, UNIT_LABELS)
    group = UNIT_MOMENTS if unit in (UNIT_COUNT, UNIT_SUM) else unit
    return group, statistic.column, statistic.length_ms, statistic.delay_ms


def _units_of(statistics: Sequence[Statistic]) -> dict[_Key, int]:
    """The least unit that serves each family, in order of first use."""
    kinds: dict[_Key, int] = {}
    for statistic in statistics:
        key = _family(statistic)
        kinds[key] = max(kinds.get(key, 0), _UNIT_OF.get(statistic.code, UNIT_LABELS))
    return kinds


def _place(keys: dict[_Key, int], statistic: Statistic) -> int:
    return list(keys).index(_family(statistic))


def _lay_out(keys: dict[_Key, int], offsets: list[int], columns: tuple[str, ...], first: int) -> tuple[Int64s, int, int]:
    rows = []
    word = HEAD_WORDS + 2 * len(offsets)
    extremes = 0
    for (_, column, length, delay), kind in keys.items():
        is_extreme = kind in (UNIT_MIN, UNIT_MAX)
        at = first + columns.index(column) if column else -1
        head = offsets.index(delay) if delay else -1
        rows.append((kind, at, word, extremes if is_extreme else -1, head, offsets.index(length + delay), length, delay))
        word += UNIT_WORDS[kind]
        extremes += is_extreme
    return np.array(rows, dtype=np.int64).reshape(-1, 8), word, extremes


def _passes(units: Int64s, cursors: int) -> tuple[Int64s, Int64s]:
    rows: list[tuple[int, int, int]] = []
    ends = [0]
    for cursor in range(cursors):
        for at, unit in enumerate(units.tolist()):
            if unit[4] == cursor:
                rows.append((cursor, at, 1))
            if unit[5] == cursor:
                rows.append((cursor, at, -1))
        ends.append(len(rows))
    return np.array(rows, dtype=np.int64).reshape(-1, 3), np.array(ends, dtype=np.int64)
