"""The filter of ids lets searches be skipped, and changes no answer: against a list of all rows and retractions."""

import itertools

import numpy as np
from example_counts import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.definitions.aggregate import Code, Reading
from features.definitions.window import SLIDING, Window
from features.kernel.id_filter import FEW_ROWS
from features.layout.layout import (
    DUPLICATE,
    FREE_LINES,
    ID,
    ID_REUSED,
    LATE,
    LINES,
    LONG_AGO,
    PAGE_WORDS,
    RETRACTED,
    TOO_FAR_BACK,
    TOO_LATE,
    UNKNOWN,
    WARMING,
)
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.event import ADD, RETRACT
from features.schema.schema import read_schema

SCHEMA = read_schema(
    """
id: {field: id, type: integer}
time: {field: time}
user: user
lateness: 5s
retention: 10m
dedupe: 15s
rewind_max: 200
"""
)
PLAN = compile_plan("user", True, [Reading(Code.COUNT, "", Window(SLIDING, 20_000))], [], SCHEMA)
START_MS = 1_700_000_000_000
NEAR_MS = 100_000
Sent = tuple[int, int, int, int]
"""Time, id, body and operation of an event."""


class AllRows:
    """What is retained of one user, and what was retracted, in lists that are searched whole."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []
        self.gone: list[tuple[int, int, int]] = []

    def newest_ms(self, before: int = 1) -> int:
        return self.rows[-before][0] if len(self.rows) >= before else LONG_AGO

    def fate(self, time_ms: int, id: int, body: int, op: int) -> int:
        newest_ms = self.newest_ms()
        oldest_ms = max(newest_ms, time_ms) - SCHEMA.dedupe_ms
        within = [row for row in self.rows[-SCHEMA.rewind_max :] if row[0] >= oldest_ms]
        known = [row for row in within if row[1] == id][-1:] or [row for row in self.gone if row[1] == id and row[0] >= oldest_ms]
        is_far_back = sum(row[0] >= time_ms for row in self.rows) > SCHEMA.rewind_max
        if op == RETRACT:
            return self.retract(time_ms, id, is_far_back, bool(known))
        if known:
            return DUPLICATE if known[0][2] == body else ID_REUSED
        is_late = bool(self.rows) and (time_ms, id) < self.rows[-1][:2]
        if is_late and time_ms < newest_ms - SCHEMA.lateness_ms:
            return TOO_LATE
        if is_late and is_far_back:
            return TOO_FAR_BACK
        self.rows = sorted([*self.rows, (time_ms, id, body)])
        return LATE if is_late else 0

    def retract(self, time_ms: int, id: int, is_far_back: bool, is_gone: bool) -> int:
        found = [row for row in self.rows if row[:2] == (time_ms, id)]
        if not found:
            return DUPLICATE if is_gone else UNKNOWN
        if is_far_back:
            return TOO_FAR_BACK
        self.rows.remove(found[0])
        self.gone.append(found[0])
        return RETRACTED


class OneUser:
    """Profiles of one user, whose state is now and then saved, forgotten and restored."""

    def __init__(self) -> None:
        self.profiles = Profiles(PLAN)
        self.pages: dict[int, bytes] = {}

    def run(self, events: list[Sent]) -> list[int]:
        times, ids, bodies, ops = (np.array(column, np.int64) for column in zip(*events, strict=True))
        n = len(events)
        batch = Batch([str(id) for id in ids], ids, ids, times, ["u"] * n, {}, np.zeros((n, 0)), bodies, ops=ops)
        out = np.empty((n, PLAN.width))
        flags = self.profiles.observe(self.profiles.slots(["u"] * n), batch, np.zeros((n, 0)), out).flags
        return [flag & ~WARMING for flag in flags.tolist()]

    def restart(self) -> None:
        saved = self.profiles.save(self.profiles.slots(["u"]))
        for _, seq in saved.dropped:
            self.pages.pop(seq, None)
        self.pages.update({seq: blob for _, seq, blob in saved.pages})
        self.profiles.discard(["u"])
        self.profiles.restore("u", saved.heads[0], list(self.pages.items()))

    @property
    def lines(self) -> int:
        """The lines that filters hold."""
        counters = self.profiles.slab.counters
        return int(counters[LINES] - counters[FREE_LINES])


def new_events(n: int, first_id: int = 0, step_ms: int = 1) -> list[Sent]:
    return [(START_MS + step_ms * id, id, id, ADD) for id in range(first_id, first_id + n)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.integers(1, 150), st.sampled_from([0, 1, 20, 100])),
        st.tuples(st.sampled_from(["again", "reused", "retract"]), st.integers(0, 250), st.integers(1, 3)),
        st.tuples(st.just("late"), st.sampled_from([1, 900, 5_000, 5_001]), st.just(1)),
        st.tuples(st.just("quiet"), st.sampled_from([1_000, 20_000, 700_000]), st.just(1)),
        st.tuples(st.just("restart"), st.just(0), st.just(1)),
    ),
    min_size=4,
    max_size=16,
)


@settings(
    max_examples=examples(25), phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
)
@given(STEPS)
def test_answers_are_those_of_a_search_of_all_rows_whatever_is_late_retracted_evicted_or_restored(steps) -> None:
    user, rows = OneUser(), AllRows()
    clock, ids = START_MS, itertools.count()
    sent: list[Sent] = []
    waiting: list[Sent] = []
    wanted: list[int] = []

    def send(event: Sent) -> None:
        waiting.append(event)
        wanted.append(rows.fate(*event))

    for what, how, times in [("new", 150, 1), *steps, ("restart", 0, 1)]:
        if what == "new":
            for _ in range(how):
                clock += times
                sent.append((clock, id := next(ids), id, ADD))
                send(sent[-1])
        elif what == "late":
            sent.append((clock - how, id := next(ids), id, ADD))
            send(sent[-1])
        elif what == "quiet":
            clock += how
        elif what == "restart" and waiting:
            assert user.run(waiting) == wanted
            waiting, wanted = [], []
            user.restart()
        for old in sent[-1 - how :][:times] if what in ("again", "reused", "retract") else []:
            if what == "retract":
                leaves_a_gap = rows.rows[-1:] == [old[:3]] and rows.newest_ms(2) < old[0] - NEAR_MS
                if old[0] > clock - NEAR_MS and not leaves_a_gap:  # else rows that matter may have been evicted
                    send((*old[:3], RETRACT))
            else:
                send(old if what == "again" else (old[0], old[1], -1, ADD))


def test_a_new_id_among_many_rows_is_not_searched_for() -> None:
    user = OneUser()
    user.run(new_events(FEW_ROWS + 40))
    user.profiles.slab.pages[0, PAGE_WORDS + ID] = 7_777  # unknown to the filter: only a search can find it
    assert user.run([(START_MS + 200, 7_777, 1, ADD)]) == [0]
    user.restart()
    assert user.run([(START_MS + 201, 7_777, 2, ADD)]) == [ID_REUSED]


def test_a_user_with_few_rows_has_no_filter_and_one_whose_rows_were_evicted_has_none_any_more() -> None:
    user = OneUser()
    user.run(new_events(FEW_ROWS))
    assert user.lines == 0
    user.run(new_events(40, FEW_ROWS))
    assert user.lines > 0
    user.run(new_events(1, 700_000))
    assert user.lines == 0


def test_a_filter_has_at_most_eight_bytes_for_each_row_within_reach_and_its_lines_are_used_again() -> None:
    user = OneUser()
    user.run(new_events(300))
    lines = user.profiles.slab.counters[LINES]
    user.run(new_events(5_000, 300))
    assert 0 < 64 * user.lines <= 8 * (SCHEMA.rewind_max + 16)
    assert user.profiles.slab.counters[LINES] == lines
    user.profiles.discard(["u"])
    assert user.lines == 0


def test_a_filter_that_lacks_lines_gets_them_with_the_next_events() -> None:
    user = OneUser()
    user.profiles.slab.counters[LINES] = len(user.profiles.slab.filter_lines)
    user.profiles.slab.counters[FREE_LINES] = len(user.profiles.slab.filter_lines)
    user.run(new_events(200))
    assert user.lines == 0
    user.run(new_events(1, 200))
    assert user.lines > 0


def test_an_id_that_retractions_bring_back_into_reach_is_known_again() -> None:
    user = OneUser()
    user.run(new_events(260))  # the filter that was made last lacks the oldest: more than `rewind_max` came after them
    assert user.lines > 0
    assert user.run([(time_ms, id, body, RETRACT) for time_ms, id, body, _ in reversed(new_events(60, 200))]) == [RETRACTED] * 60
    assert user.run(new_events(1)) == [DUPLICATE]
