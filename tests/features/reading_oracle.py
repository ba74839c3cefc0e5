"""What every reading over every kind of window must give, made anew for each event from all rows; and random streams of one key."""

import functools
import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from features.definitions.aggregate import Code, Reading
from features.definitions.window import CALENDAR, DECAYED, LAST, SESSION, SLIDING, TICKS, Window
from features.layout.layout import ADD, CORRECT, CORRECTED, DUPLICATE, LATE, RETRACT, RETRACTED, UNKNOWN

RETENTION_MS = 60_000
TICKED = Window(TICKS, 5_000, count=1_000)


@dataclass(eq=False)
class Row:
    time_ms: int
    id: int
    a: float
    g: float
    w: float

    @property
    def place(self) -> tuple[int, int]:
        return self.time_ms, self.id


@functools.cache
def unit_of(window: Window, time_ms: int) -> tuple[int, ...]:
    local = (datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(milliseconds=time_ms)).astimezone(ZoneInfo(window.zone))
    return (local.year, local.month) if window.unit == "month" else (local.year, local.month, local.day, local.hour)


def inside(rows: list[Row], event: Row, reading: Reading) -> list[Row]:
    """Rows of the window, in order; all of them satisfy `where`."""
    window, t = reading.window, event.time_ms
    upto = [row for row in rows if row.place < event.place or (row is event and not reading.before)]
    if window.kind == SLIDING:
        if window.delay_ms:
            upto = rows
        upto = [row for row in upto if t - window.delay_ms - window.length_ms < row.time_ms <= t - window.delay_ms]
    elif window.kind == CALENDAR:
        upto = [row for row in upto if unit_of(window, row.time_ms) == unit_of(window, t)]
    elif window.kind == SESSION:
        kept: list[Row] = []
        following = event
        for row in reversed([row for row in rows if row.place <= event.place]):
            if following.time_ms - row.time_ms > window.length_ms or row.time_ms <= t - RETENTION_MS:
                break
            kept.insert(0, row)
            following = row
        upto = [row for row in upto if row in kept]
    elif window.kind == LAST:
        upto = [row for row in upto if row.time_ms > t - RETENTION_MS and (not reading.where or row.w == 1.0)][-window.count :]
    return [row for row in upto if not reading.where or row.w == 1.0]


def linked(rows: list[Row], row: Row, name: str) -> object:
    """What `from g` or `pair g` is for a row; None where it is missing."""
    earlier = [other.g for other in rows if other.place < row.place and other.w == 1.0]
    if row.w != 1.0 or not earlier:
        return None
    return earlier[-1] if name == "from g" else (earlier[-1], row.g)


def value_of(rows: list[Row], row: Row, column: str) -> object:
    if column in ("from g", "pair g"):
        return linked(rows, row, column)
    value = getattr(row, column)
    return None if math.isnan(value) else value


def expected(rows: list[Row], event: Row, reading: Reading) -> float:
    held = inside(rows, event, reading)
    if reading.code is Code.BURST:
        return burst(held)
    if reading.column == "":
        return len(held)
    pairs = [(row, value) for row in held if (value := value_of(rows, row, reading.column)) is not None]
    values = [value for _, value in pairs]
    n = len(values)
    own = value_of(rows, event, reading.column)
    if reading.code in (Code.OWN, Code.LESS, Code.EQUAL):
        if own is None:
            return math.nan
        return sum(value < own if reading.code is Code.LESS else value == own for value in values)
    if reading.code is Code.COUNT:
        return n
    if reading.code is Code.SUM:
        return math.fsum(values)
    counts = Counter(values)
    if reading.code is Code.DISTINCT:
        return len(counts)
    if reading.code is Code.TOP:
        return max(counts.values(), default=0)
    if n == 0 or (n < 2 and reading.code in (Code.STD, Code.EW_STD)):
        return math.nan
    return of_some(reading, event, pairs, values, counts)


def of_some(reading: Reading, event: Row, pairs: list, values: list, counts: Counter) -> float:
    n = len(values)
    weights = [1.0] * n
    if reading.window.kind == DECAYED:
        weights = [2.0 ** ((row.time_ms - event.time_ms) / reading.window.length_ms) for row, _ in pairs]
    mean = math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)
    squares = math.fsum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
    return {
        Code.MEAN: mean,
        Code.EW_MEAN: mean,
        Code.STD: math.sqrt(squares / max(n - 1, 1)),
        Code.EW_STD: math.sqrt(squares / math.fsum(weights)),
        Code.MIN: min(values),
        Code.MAX: max(values),
        Code.LAST: values[-1],
        Code.FIRST: values[0],
        Code.LAST_AGE: (event.time_ms - pairs[-1][0].time_ms) / 1000,
        Code.FIRST_AGE: (event.time_ms - pairs[0][0].time_ms) / 1000,
        Code.ENTROPY: -sum(c / n * math.log2(c / n) for c in counts.values()),
    }[reading.code]


def burst(rows: list[Row]) -> float:
    first = tick = None
    now = before = score = 0.0
    for row in rows:
        at = row.time_ms // TICKED.length_ms
        if first is None:
            first = tick = at
        elif at > tick:
            ticks = tick - first + 1
            before += now if score < TICKED.count else before / (ticks - 1) if ticks > 1 else 0.0
            now, tick = now / 2, at
        now += 1
        ticks = tick - first + 1
        score = 0.0 if before == 0 or ticks == 1 else (now + before - now * ticks) ** 2 / (before * (ticks - 1))
    return math.log1p(score)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple]:
    """Steps (op, time, id, a, g, w)."""
    steps: list[tuple] = []
    clock = draw(st.sampled_from([1_648_342_790_000, 1_667_091_590_000, 1_700_000_000_000]))  # just before changes of the clock
    values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, width=32), st.just(math.nan))
    for n in range(draw(st.integers(1, 45))):
        clock += draw(st.sampled_from([0, 0, 1, 999, 1_000, 4_000, 4_001, 5_000, 10_000, 25_000]))
        late = draw(st.sampled_from([0, 0, 0, 0, 1, 1_000, 4_500, 12_000]))
        op = draw(st.sampled_from([ADD] * 7 + ["again", CORRECT, CORRECT, RETRACT]))
        fresh = (draw(values), float(draw(st.integers(0, 2))), float(draw(st.integers(0, 1))))
        known = [step for step in steps[-8:] if step[1] > clock - RETENTION_MS]  # older ones may be gone
        if op == ADD or not known:
            steps.append((ADD, clock - late, n * 7919 % 10_007, *fresh))
            continue
        old = known[-draw(st.integers(1, len(known)))]
        steps.append((ADD, *old[1:]) if op == "again" else (op, old[1], old[2], *(fresh if op == CORRECT else old[3:])))
    return steps


class BruteForce:
    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], Row] = {}
        self.retracted: set[tuple[int, int]] = set()

    def step(self, step: tuple, readings: list[Reading]) -> tuple[int, list[float]]:
        """Flags, and what an entity that judges no lateness answers."""
        op, row = step[0], Row(*step[1:])
        known = self.rows.get(row.place)
        nothing = [math.nan] * len(readings)
        if op != CORRECT and row.place in self.retracted:
            return DUPLICATE, nothing
        if op != ADD and known is None:
            return UNKNOWN, nothing
        if op == RETRACT:
            self.retracted.add(row.place)
            del self.rows[row.place]
            return RETRACTED, nothing
        flag = 0
        if op == CORRECT:
            known.a, known.g, known.w = row.a, row.g, row.w
            flag, row = CORRECTED, known
        elif known is not None:
            flag, row = DUPLICATE, known
        else:
            flag = LATE if self.rows and row.place < max(self.rows) else 0
            self.rows[row.place] = row
        rows = sorted(self.rows.values(), key=lambda each: each.place)
        return flag, [expected(rows, row, reading) for reading in readings]
