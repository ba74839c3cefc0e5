"""Every reading over every kind of window, on random streams of one key with late, repeated, corrected and retracted events."""

import math

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reading_oracle import RETENTION_MS, TICKED, BruteForce, streams

from features.definitions.aggregate import Code, Reading
from features.definitions.row_column import Origin, RowColumn
from features.definitions.window import CALENDAR, DECAYED, LAST, SESSION, SLIDING, UNBOUNDED, Window
from features.layout.layout import ADD, WARMING
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema

TEXT = """
id: {field: id, type: integer}
time: {field: time}
user: user
fields: {a: {type: float, required: false}, g: {type: float}, w: {type: float}}
retention: 1m
lateness: 1m
dedupe: 1h
"""
SCHEMA = read_schema(TEXT)
LONG = read_schema(TEXT.replace("retention: 1m", "retention: 1d"))
COLUMNS = [
    *[RowColumn(name, Origin.NUMBER, name) for name in "agw"],
    RowColumn("before g", Origin.PREVIOUS, "g", where="w"),
    RowColumn("from g", Origin.FROM, "g", where="w"),
    RowColumn("pair g", Origin.PAIR, "g", where="w"),
]
WINDOWS = [
    Window(SLIDING, 10_000),
    Window(SLIDING, 10_000, 5_000),
    Window(CALENDAR, unit="hour", zone="Europe/Paris"),
    Window(CALENDAR, unit="month", zone="Europe/Paris"),
    Window(SESSION, 4_000),
    Window(LAST, count=3),
    Window(UNBOUNDED),
]
PLAIN = (Code.COUNT, Code.SUM, Code.MEAN, Code.STD, Code.MIN, Code.MAX)
ENDS = (Code.LAST, Code.LAST_AGE, Code.FIRST, Code.FIRST_AGE)
VALUES = (Code.DISTINCT, Code.TOP, Code.OWN, Code.ENTROPY, Code.LESS, Code.EQUAL)
FADING = Window(DECAYED, 60_000)


def readings_of(windows: list[Window]) -> list[Reading]:
    wanted = [Reading(Code.BURST, "", TICKED), Reading(Code.BURST, "", TICKED, "w")]
    for where in ("", "w"):
        for before in (False, True):
            wanted += [Reading(code, "a", FADING, where, before) for code in (Code.EW_MEAN, Code.EW_STD)]
            for window in windows:
                codes = PLAIN if window.delay_ms else PLAIN + ENDS
                if window.kind != UNBOUNDED and not window.delay_ms:
                    codes += VALUES
                    wanted += [Reading(Code.OWN, name, window, where, before) for name in ("g", "from g", "pair g")]
                wanted += [Reading(code, "a", window, where, before) for code in codes]
                wanted.append(Reading(Code.COUNT, "", window, where, before))
    return wanted


class Durable:
    """Profiles of one key, saved and restored between any two runs."""

    def __init__(self, plan) -> None:
        self.plan = plan
        self.profiles = Profiles(plan)
        self.pages: dict[int, bytes] = {}

    def run(self, steps: list[tuple]) -> tuple[list[int], np.ndarray]:
        columns = [np.array(column) for column in zip(*steps, strict=True)]
        ids, times = columns[2].astype(np.int64), columns[1].astype(np.int64)
        values = np.full((len(steps), len(COLUMNS)), np.nan)
        values[:, :3] = np.stack(columns[3:], axis=1)
        batch = Batch([str(i) for i in ids], ids, ids, times, ["key"] * len(steps), {}, values, ids, ops=columns[0].astype(np.int64))
        out = np.full((len(steps), self.plan.width), -1.0)
        slots = np.repeat(self.profiles.slots(["key"]), len(steps))
        return self.profiles.observe(slots, batch, values, out).flags.tolist(), out

    def save_and_restore(self) -> None:
        saved = self.profiles.save(self.profiles.slots(["key"]))
        for _, seq in saved.dropped:
            self.pages.pop(seq, None)
        self.pages.update({seq: blob for _, seq, blob in saved.pages})
        self.profiles = Profiles(self.plan)
        self.profiles.restore("key", saved.heads[0], list(self.pages.items()))


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: f"{window.kind}-{window.delay_ms}-{window.unit}")
@settings(
    max_examples=examples(60),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(steps=streams(), cuts=st.sets(st.integers(0, 45), max_size=5), which=st.randoms(use_true_random=False))
def test_every_reading_equals_brute_force(window, steps, cuts, which) -> None:
    every = readings_of([window])
    readings = which.sample(every, len(every) // 3)  # brute force takes nearly all of the time
    durable = Durable(compile_plan("key", False, readings, COLUMNS, LONG if window.kind == UNBOUNDED else SCHEMA))
    oracle = BruteForce()
    first = 0
    for end in [*sorted(cut for cut in cuts if 0 < cut < len(steps)), len(steps)]:
        flags, out = durable.run(steps[first:end])
        for at, step in enumerate(steps[first:end]):
            flag, right = oracle.step(step, readings)
            assert flags[at] & ~WARMING == flag, (first + at, step)
            if flags[at] & WARMING:
                times_ms = [row.time_ms for row in oracle.rows.values()]
                gone = step[1] < max(times_ms) - RETENTION_MS  # older than rows that are gone
                assert gone or (window.kind in (SESSION, LAST) and min(times_ms) <= step[1] - RETENTION_MS)
                if gone:
                    continue
            for reading, value, want in zip(readings, out[at].tolist(), right, strict=True):
                # What decayed sums keep is relative to the largest value there was; they stand a few half-lives of going back.
                least = 1e-4 if reading.code is Code.EW_STD else 1e-6
                close = math.isnan(value) if math.isnan(want) else math.isclose(value, want, rel_tol=1e-9, abs_tol=least)
                assert close, (value, want, first + at, reading.code, reading.column, reading.where, reading.before, steps)
        first = end
        durable.save_and_restore()


def test_windows_without_an_end_keep_what_history_lets_go() -> None:
    readings = [Reading(code, "a", Window(UNBOUNDED)) for code in (*PLAIN, *ENDS)] + [Reading(Code.BURST, "", TICKED)]
    durable = Durable(compile_plan("key", False, readings, COLUMNS, SCHEMA))
    oracle = BruteForce()
    steps = [(ADD, 1_700_000_000_000 + 3_000 * n, n, float(n * 37 % 101) - 50.0, 0.0, 1.0) for n in range(400)]
    for first in range(0, 400, 50):
        _, out = durable.run(steps[first : first + 50])
        for step, row in zip(steps[first : first + 50], out.tolist(), strict=True):
            assert row == pytest.approx(oracle.step(step, readings)[1], rel=1e-9, nan_ok=True), step
        durable.save_and_restore()
    assert len(durable.pages) < 10, "history was let go"


def test_time_that_runs_back_to_before_all_that_is_retained_finds_the_newest_value_let_go() -> None:
    durable = Durable(compile_plan("key", False, [Reading(Code.LAST, "a", Window(UNBOUNDED), "w", True)], COLUMNS, SCHEMA))
    start_ms = 1_700_000_000_000
    durable.run([(ADD, start_ms + 1_000 * n, n, float(n), 0.0, 1.0) for n in range(100)])
    later = [(ADD, start_ms + 400_000 + 1_000 * n, 200 + n, float(n), 0.0, 0.0) for n in range(40)]
    late = (ADD, later[-1][1] - 10_000, 190, 0.0, 0.0, 0.0)
    _, out = durable.run([*later, (ADD, later[-1][1] + 1, 300, 7.0, 0.0, 1.0), late])
    assert out[-1, 0] == 99.0
