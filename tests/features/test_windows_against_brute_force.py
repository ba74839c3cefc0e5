"""Every template and window on random streams of one key, against sums made anew for every event from all events.

At a key that is no user, events of several users meet, and some have one id and one time.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.definitions.aggregate import Code, Reading
from features.definitions.row_column import Origin, RowColumn
from features.definitions.window import SLIDING, Window
from features.layout.layout import DUPLICATE, LATE, TOO_LATE
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema

COUNT, SUM, MEAN, STD, MIN, MAX = Code.COUNT, Code.SUM, Code.MEAN, Code.STD, Code.MIN, Code.MAX
LABEL_COUNT, LABEL_RATE, LABELLED_RATE = Code.LABEL_COUNT, Code.LABEL_RATE, Code.LABELLED_RATE
COLUMNS = [RowColumn(name, Origin.NUMBER, name) for name in ("other", "amount")]


def reading_of(code, column, length_ms, delay_ms=0, before=False):
    return Reading(code, column, Window(SLIDING, length_ms, delay_ms), before=before)


def plan_of(kind, is_user, readings, schema):
    return compile_plan(kind, is_user, readings, COLUMNS, schema)


SCHEMA = read_schema(
    """
id: {field: id, type: integer}
time: {field: time}
user: user
entities: [terminal]
fields: {other: {type: float}, amount: {type: float, required: false, retain: true}}
retention: 1m
lateness: 10s
dedupe: 1h
"""
)
WINDOWS = ((1_000, 0), (10_000, 0), (60_000, 0), (10_000, 20_000), (1_000, 10_000))
ALL = [
    reading_of(code, "amount" if code in (SUM, MEAN, STD, MIN, MAX) else "", length, delay, before)
    for code in (COUNT, SUM, MEAN, STD, MIN, MAX, LABEL_COUNT, LABEL_RATE, LABELLED_RATE)
    for length, delay in WINDOWS
    for before in (False, True)
] + [reading_of(COUNT, "amount", 10_000), reading_of(SUM, "other", 10_000)]

# Without minima and maxima, late events are scored by winding sums back instead of by a scan.
SUMS = [s for s in ALL if s.code not in (MIN, MAX)]
SUMS_ALONE = [s for s in SUMS if s.code not in (LABEL_COUNT, LABEL_RATE, LABELLED_RATE)]


@dataclass(eq=False)
class Seen:
    time_ms: int
    id: int
    amount: float
    arrived: int
    labels: list[tuple[int, int, int]] = field(default_factory=list)

    def label_at(self, now_ms: int, newest_ms: int) -> int | None:
        """The label that stands of those that the key's newest event may know, if the event at `now_ms` may know it too."""
        _, visible, label = max((each for each in self.labels if each[1] <= newest_ms), default=(0, 0, None))
        return label if visible <= now_ms else None


def expected(events: list[Seen], event: Seen, newest_ms: int, statistic: Reading) -> float:
    upper = event.time_ms - statistic.window.delay_ms
    inside = [e for e in events if upper - statistic.window.length_ms < e.time_ms <= upper]
    if statistic.window.delay_ms == 0:
        inside = [
            e
            for e in inside
            if (e.time_ms, e.id, e.arrived) < (event.time_ms, event.id, event.arrived) or (e is event and not statistic.before)
        ]
    if statistic.code in (LABEL_COUNT, LABEL_RATE, LABELLED_RATE):
        labels = [e.label_at(event.time_ms, newest_ms) for e in inside]
        among = len(labels) - (labels.count(None) if statistic.code == LABELLED_RATE else 0)
        return labels.count(1) if statistic.code == LABEL_COUNT else labels.count(1) / among if among else math.nan
    if statistic.column == "":
        return len(inside)
    if statistic.column == "other":
        return sum(e.id for e in inside)
    return of_values([Fraction(e.amount) for e in inside if not math.isnan(e.amount)], statistic.code)


def of_values(values: list[Fraction], code: int) -> float:
    n = len(values)
    if code == COUNT:
        return n
    if code == SUM:
        return float(sum(values))
    if n == 0 or (code == STD and n < 2):
        return math.nan
    mean = sum(values) / n
    if code == MEAN:
        return float(mean)
    if code == STD:
        return math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return float(min(values) if code == MIN else max(values))


@st.composite
def streams(draw: st.DrawFn) -> list[tuple]:
    """Steps ('event', time, id, amount, 0, user) and ('label', time of its event, id, label, visible_ms, user, rank)."""
    steps: list[tuple] = []
    sent: list[tuple] = []
    clock = 1_000_000
    amounts = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6, width=32), st.just(math.nan))
    for n in range(draw(st.integers(1, 60))):
        clock += draw(st.sampled_from([0, 0, 1, 400, 999, 1_000, 5_000, 10_000, 70_000]))
        late = draw(st.sampled_from([0, 0, 0, 0, 0, 1, 500, 1_000, 4_000, 10_001]))
        event = ("event", clock - late, n * 7919 % 10_007, draw(amounts), 0, draw(st.sampled_from("ab")))
        step = draw(st.sampled_from(["event"] * 6 + ["again", "label", "label", "label_first", "of another user", "of another user"]))
        if step == "of another user" and sent:
            of = sent[-draw(st.integers(1, min(len(sent), 6)))]
            event = (*of[:3], event[3], 0, draw(st.sampled_from("abc")))
        if step == "again" and sent:
            steps.append(sent[-draw(st.integers(1, min(len(sent), 6)))])
            continue
        if step == "label" and sent:
            of = sent[-draw(st.integers(1, min(len(sent), 20)))]
            steps.append(labelled(draw, of))
        if step == "label_first":
            steps.append(labelled(draw, event))
        steps.append(event)
        sent.append(event)
    return steps


def labelled(draw: st.DrawFn, event: tuple) -> tuple:
    visible = event[1] + draw(st.sampled_from([0, 1, 1_000, 5_000, 20_000, 30_000]))
    return "label", event[1], event[2], draw(st.integers(0, 1)), visible, event[5], draw(st.sampled_from([0, 0, 0, -8, -1, 1, 7]))


class BruteForce:
    """What each step must give, knowing all steps before."""

    def __init__(self, is_user: bool) -> None:
        self.is_user = is_user
        self.events: dict[tuple[int, int, str], Seen] = {}
        self.labels: dict[tuple[int, int, str], list[tuple[int, int, int]]] = {}
        self.newest = 0

    def step(self, step: tuple, statistics: list[Reading]) -> tuple[int, list[float]]:
        key = step[1], step[2], "" if self.is_user else step[5]
        labels = self.labels.setdefault(key, [])
        if step[0] == "label":
            labels.append((step[6], step[4], step[3]))
            return 0, []
        nothing = [math.nan] * len(statistics)
        known = self.events.get(key)
        if known and self.is_user:
            return DUPLICATE, nothing
        if self.is_user and step[1] < self.newest - SCHEMA.lateness_ms:
            return TOO_LATE, nothing
        late = known is None and bool(self.events) and key[:2] < max(self.events)[:2]
        event = known or self.events.setdefault(key, Seen(step[1], step[2], step[3], len(self.events), labels))
        self.newest = max(self.newest, step[1])
        events = list(self.events.values())
        return DUPLICATE if known else LATE if late else 0, [expected(events, event, self.newest, s) for s in statistics]


class Durable:
    """Profiles of one key, saved and restored between any two steps as Flink's state would."""

    def __init__(self, plan, is_user: bool) -> None:
        self.plan = plan
        self.profiles = Profiles(plan)
        self.pages: dict[int, bytes] = {}

    def run(self, steps: list[tuple]) -> tuple[list[int], list[np.ndarray]]:
        slots = np.repeat(self.profiles.slots(["key"]), len(steps))
        if steps and steps[0][0] == "label":
            *numbers, users, ranks = list(zip(*steps, strict=True))[1:]
            columns = [np.array(column, dtype=np.int64) for column in numbers]
            self.profiles.label(slots, columns[0], columns[1], users, columns[2].astype(np.int8), columns[3], np.array(ranks, np.int8))
            return [0] * len(steps), [np.empty(0)] * len(steps)
        out = np.full((len(steps), self.plan.width), -1.0)
        flags = self.profiles.observe(slots, batch_of(steps), batch_of(steps).numbers, out).flags
        return flags.tolist(), list(out)

    def save_and_restore(self, plan) -> None:
        saved = self.profiles.save(self.profiles.slots(["key"]))
        self.pages.update({seq: blob for _, seq, blob in saved.pages})
        for _, seq in saved.dropped:
            self.pages.pop(seq, None)
        self.plan = plan
        self.profiles = Profiles(plan)
        self.profiles.restore("key", saved.heads[0], list(self.pages.items()))


def batch_of(steps: list[tuple]) -> Batch:
    ids = np.array([step[2] for step in steps], dtype=np.int64)
    numbers = np.array([[step[2], step[3]] for step in steps], dtype=np.float64)
    times = np.array([step[1] for step in steps], dtype=np.int64)
    return Batch([str(i) for i in ids], ids, ids, times, [step[5] for step in steps], {}, numbers, ids + times)


def runs_of(steps: list[tuple], cuts: set[int]) -> list[list[tuple]]:
    """Steps in runs of one sort, also cut before each place in `cuts`."""
    runs: list[list[tuple]] = []
    for at, step in enumerate(steps):
        if not runs or runs[-1][-1][0] != step[0] or at in cuts:
            runs.append([])
        runs[-1].append(step)
    return runs


def check(steps: list[tuple], flags: list[int], rows: list[np.ndarray], is_user: bool, statistics: list[Reading]) -> None:
    oracle = BruteForce(is_user)
    for step, flag, row in zip(steps, flags, rows, strict=True):
        right_flag, right = oracle.step(step, statistics)
        if step[0] == "label":
            continue
        gone = step[1] < oracle.newest - 60_000  # out of retention: the same event again is new or too late
        assert flag == right_flag or (right_flag == DUPLICATE and gone), (step, flag, right_flag)
        if gone:
            continue
        for statistic, value, wanted in zip(statistics, row.tolist(), right, strict=True):
            same = math.isnan(value) if math.isnan(wanted) else math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-9)
            assert same, (step, statistic, value, wanted)


def none_too_late(steps: list[tuple], is_user: bool) -> list[tuple]:
    """Without events later than lateness at an entity: it keeps no history for them, and the user's stage refuses them."""
    newest = 0
    kept = []
    for step in steps:
        if step[0] == "event":
            newest = max(newest, step[1])
            if not is_user and step[1] < newest - SCHEMA.lateness_ms:
                continue
        kept.append(step)
    return kept


FEW = settings(
    max_examples=examples(60),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking sums of fractions takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
@pytest.mark.parametrize("is_user", [True, False])
@pytest.mark.parametrize("statistics", [ALL, SUMS, SUMS_ALONE], ids=["all", "sums and labels", "sums"])
@FEW
@given(steps=streams(), cuts=st.sets(st.integers(0, 80), max_size=6))
def test_every_statistic_equals_brute_force_and_no_cut_or_restore_changes_a_bit(steps, cuts, is_user, statistics) -> None:
    steps = none_too_late(steps, is_user)
    plan = plan_of("key", is_user, statistics, SCHEMA)
    whole, cut = Durable(plan, is_user), Durable(plan, is_user)
    flags: list[int] = []
    rows: list[np.ndarray] = []
    for run in runs_of(steps, set()):
        more_flags, more_rows = whole.run(run)
        flags += more_flags
        rows += more_rows
    check(steps, flags, rows, is_user, statistics)
    cut_rows: list[np.ndarray] = []
    for run in runs_of(steps, cuts):
        cut_rows += cut.run(run)[1]
        cut.save_and_restore(plan)
    assert [row.tobytes() for row in rows] == [row.tobytes() for row in cut_rows]


@FEW
@given(steps=streams(), at=st.integers(0, 60))
def test_another_plan_goes_on_from_the_retained_history(steps, at) -> None:
    steps = none_too_late(steps, False)
    few = plan_of("key", False, [reading_of(MEAN, "amount", 1_000), reading_of(LABEL_RATE, "", 10_000, 20_000)], SCHEMA)
    wanted = [s for s in ALL if s.column != "other"]
    plan = plan_of("key", False, wanted, SCHEMA)
    state = Durable(few, False)
    for run in runs_of(steps[:at], set()):
        state.run(run)
    state.save_and_restore(plan)
    rows: list[np.ndarray] = [np.empty(0)] * len(steps[:at])
    flags = [0] * len(rows)
    oracle = BruteForce(False)
    for run in runs_of(steps[at:], set()):
        more_flags, more_rows = state.run(run)
        flags += more_flags
        rows += more_rows
    for step in steps[:at]:
        oracle.step(step, [])
    for step, row in zip(steps[at:], rows[at:], strict=True):
        right = oracle.step(step, wanted)[1]
        for value, want in zip(row.tolist(), right, strict=True):
            assert math.isnan(value) if math.isnan(want) else math.isclose(value, want, rel_tol=1e-9, abs_tol=1e-9), (step, right)


@FEW
@given(steps=streams(), order=st.randoms(use_true_random=False))
def test_the_label_that_stands_does_not_depend_on_the_order_in_which_labels_arrive(steps, order) -> None:
    labels, events = ([step for step in steps if step[0] == sort] for sort in ("label", "event"))
    probe = ("event", max((step[1] for step in steps), default=0) + 31_000, 1, 1.0, 0, "a")
    plan = plan_of("key", False, [reading_of(code, "", 60_000) for code in (LABEL_COUNT, LABEL_RATE, LABELLED_RATE)], SCHEMA)
    answers = set()
    for _ in range(3):
        order.shuffle(labels)
        cut = order.randint(0, len(labels))
        state = Durable(plan, False)
        for run in runs_of([*labels[:cut], *none_too_late(events, False), *labels[cut:], probe], set()):
            row = state.run(run)[1][-1]
        answers.add(row.tobytes())
    assert len(answers) == 1
