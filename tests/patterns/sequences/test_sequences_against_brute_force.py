"""Sequences in slots answer as a matcher does that keeps every partial match."""

import itertools
import math
import random
from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.expressions.functions.types import Type
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.parser import read_expression
from features.expressions.syntax.syntax import Call, Chain, Name, Node, Unary
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.schema import read_schema
from features.schema.string_hash import word_of
from foundation.number_arrays import Float64s
from foundation.place import Place, Source
from patterns.language.pattern import CAPTURES, Condition, Missing, Sequence, Step
from patterns.sequences.matched import MatchedSequences
from patterns.sequences.plan.layout import RuleSequence
from patterns.sequences.plan.tables import CUT, DROPPED, LATE
from patterns.sequences.sequences import Found, Sequences
from tests.patterns.sequences.sequence_oracle import Oracle, PlainSequence, PlainStep, Seen

pytestmark = pytest.mark.slow

PLAN = compile_plan("user", True, [], [], read_schema("{id: id, time: {field: time}, user: user}"))


def condition(name: str) -> Condition:
    text = f"event.{name}"
    return Condition(text, read_expression(Source(text, Place())), Type.BOOL, {text: Type.BOOL}, frozenset(), Place())


def declared(plain: PlainSequence, until: bool = True, gate: bool = True) -> RuleSequence:
    steps = tuple(
        Step(
            step.name,
            asking(step.name, step.reads) if isinstance(step.reads, Ask) else condition(step.name),
            step.least,
            step.most,
            step.gap,
            step.optional,
            step.absent,
        )
        for step in plain.steps
    )
    whole = Sequence("user", plain.within, steps, plain.ordered, condition("until") if until else None, plain.strict, plain.each)
    return RuleSequence(whole, condition("gate") if gate else None)


@dataclass
class Slots:
    """Runs sequences over the events of one key."""

    rules: list[RuleSequence]

    def __post_init__(self) -> None:
        self.sequences = Sequences(self.rules)
        self.profiles = Profiles(PLAN, self.sequences.sections)
        self.newest: dict[str, tuple[int, int]] = {}

    def take(self, events: Ordered[tuple[str, Seen]]) -> Found:
        slots = self.profiles.slots([key for key, _ in events])
        late = np.zeros(len(events), np.bool_)
        fired: list[tuple[int, int]] = []
        for at, (key, event) in enumerate(events):
            late[at] = key in self.newest and (event.time, event.order) < self.newest[key]
            if not late[at]:
                self.newest[key] = (event.time, event.order)
            names = set(event.steps) | {name for name in ("until", "gate") if getattr(event, name)}
            fired += [
                (at, number)
                for number, each in enumerate(self.sequences.conditions)
                if canonical(each.node).removeprefix("event.") in names
            ]
        where = np.array(fired, np.int64).reshape(-1, 2)
        times = np.array([event.time for _, event in events], np.int64)
        ids = np.array([event.id for _, event in events], np.int64)
        steps = self.sequences.fired(where[:, 0].copy(), where[:, 1].copy(), len(events))
        return self.sequences.take(self.profiles, slots, times, ids, late, self.values(events), steps)

    def values(self, events: Ordered[tuple[str, Seen]]) -> Float64s:
        """What the sequences capture of the events."""
        x, t = (np.array([event.values.get(name, math.nan) for _, event in events]) for name in "xt")
        known = {"event.x": x, "event.x + 1.0": x + 1.0, "event.t": t}
        return np.column_stack([*(known[canonical(column.node)] for column in self.sequences.columns), np.zeros((len(events), 0))])

    def restart(self) -> None:
        keys = list(self.newest)
        saved = self.profiles.save(self.profiles.slots(keys))
        self.profiles = Profiles(PLAN, self.sequences.sections)
        for key, head in zip(keys, saved.heads, strict=True):
            self.profiles.restore(key, head, [])


NAMES = "abcd"


@st.composite
def sequences(draw: st.DrawFn, waiting: bool = False) -> PlainSequence:
    ordered, strict = draw(st.integers(0, 3)) > 0, draw(st.integers(0, 3)) == 0
    count = draw(st.integers(1, 4))
    steps = []
    for at in range(count):
        edge = at in (0, count - 1)
        absent = draw(st.integers(0, 4)) == 0 and (not edge if ordered else True)
        least, more = draw(st.sampled_from([(1, 0), (1, 0), (1, 0), (2, 0), (1, None), (2, None), (3, None), (1, 1), (2, 2), (3, 0)]))
        most = None if more is None else least + more
        gap = draw(st.sampled_from([None, None, 1, 3, 6])) if ordered else None
        optional = draw(st.integers(0, 3)) == 0 and (not edge or not ordered) and not absent
        steps.append(PlainStep(NAMES[at], *((1, 1) if absent else (least, most)), gap, optional, absent))
    if ordered and (waiting or draw(st.integers(0, 4)) == 0):
        steps.append(PlainStep("z", gap=draw(st.sampled_from([None, 2, 5])), absent=True))
    if all(step.optional or step.absent for step in steps):
        steps = [PlainStep("a"), *steps[1:]]
    return PlainSequence(draw(st.integers(1, 15)), tuple(steps), ordered, strict, draw(st.booleans()))


BYTES_OF_AN_EVENT = 5
"""Streams of chance are read from bytes: to draw each property of each event by itself takes longer than to run the sequences."""
PAUSES = (0, 0, 1, 1, 1, 2, 3, 5)
LATE_BY = (0,) * 28 + (1, 2, 3, 4)
VALUES = (*(float(number) for number in range(6)), None)


def streams(names: str = NAMES + "z", most: int = 24, valued: bool = False) -> st.SearchStrategy[list[tuple[str, Seen]]]:
    """Events of two keys in their order of arrival: with ties, and some late."""
    sizes = st.integers(1, most).map(lambda count: count * BYTES_OF_AN_EVENT)
    return sizes.flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(lambda given: stream_of(given, names, valued))


def stream_of(given: bytes, names: str, valued: bool) -> list[tuple[str, Seen]]:
    """The first of an event's bytes is its time, the second its key and what holds of it, three are steps, of which two carry values."""
    time, found = 100, []
    for id in range(len(given) // BYTES_OF_AN_EVENT):
        when, whose, *taken = given[id * BYTES_OF_AN_EVENT : (id + 1) * BYTES_OF_AN_EVENT]
        time += PAUSES[when % 8]
        steps = frozenset(names[each % 10] for each in taken if each % 10 < len(names))
        values = {"x": VALUES[taken[0] // 10 % 7], "t": (word_of("u"), word_of("v"), None)[taken[1] // 10 % 3]} if valued else {}
        known = {name: value for name, value in values.items() if value is not None}
        odd = whose // 4 % 10
        found.append(("kkkl"[whose % 4], Seen(time - LATE_BY[when // 8], 1000 + id, id, steps, odd == 9, odd != 8, known)))
    return found


KEYS_OF_SPANS = "klmnop"


def spans(plain: PlainSequence, chance: random.Random) -> list[tuple[str, Seen]]:
    """A run of the sequence for each of several keys: examples resemble each other in much, and so their ends differ within one."""
    found = [(key, event) for key in KEYS_OF_SPANS for event in span(plain, chance)]
    return sorted(found, key=lambda each: each[1].time)


def span(plain: PlainSequence, chance: random.Random) -> list[Seen]:
    """One run of the sequence, whose last event comes at the last moment that counts or just behind it, with other events between.

    Behind a run that waits for an absence this is an event at the deadline, which may be the one that must not come.
    Streams of chance seldom have a run that is as long as the sequence may take: 400 of them do not find `within` or a deadline off by one.
    """
    taken = [step for step in plain.steps if not step.absent and not (step.optional and chance.random() < 0.5)]
    runs = [step for step in (taken if plain.ordered else chance.sample(taken, len(taken))) for _ in range(step.least)]
    if plain.ordered and plain.steps[-1].absent:
        runs.append(plain.steps[-1])
    left, time = plain.within + chance.choice([0, 0, 1]), 100
    found: list[Seen] = []
    for at, step in enumerate(runs):
        if at:
            most = left if step.gap is None else min(left, step.gap + chance.choice([0, 0, 0, 1]))
            delta = most if at == len(runs) - 1 or step.gap is not None else chance.randint(0, most)
            left, time = left - delta, time + delta
        own = {step.name} if not step.absent or chance.random() < 0.5 else set()
        between = [set(chance.sample(NAMES + "z", chance.randint(0, 2)))] if chance.random() < 0.3 else []
        for steps in [*between, own]:
            id = len(found)
            found.append(Seen(time, 1000 + id, id, frozenset(steps)))
    return found


@st.composite
def trials(draw: st.DrawFn) -> tuple[PlainSequence, list[tuple[str, Seen]]]:
    """A sequence and a stream of chance, or one that ends where the sequence's time does."""
    if draw(st.integers(0, 3)):
        return draw(sequences()), draw(streams())
    plain = draw(sequences(waiting=draw(st.booleans())))
    return plain, spans(plain, random.Random(draw(st.binary(min_size=8, max_size=8))))


def bare_of(stream: Ordered[tuple[str, Seen]]) -> list[tuple[str, Seen]]:
    """The stream as rules see it that have neither `until` nor a condition beside the sequence."""
    return [(key, replace(event, until=False, gate=True)) for key, event in stream]


Answer = tuple[str, int, tuple[tuple[str, int, int], ...], tuple[int, ...]]


def wanted(plain: PlainSequence, stream: Ordered[tuple[str, Seen]]) -> tuple[list[Answer], int]:
    """Matches and absences that have come true, as the oracle says, and the number of late events."""
    found: list[Answer] = []
    late = 0
    for key in dict.fromkeys(key for key, _ in stream):
        oracle = Oracle(plain)
        for at, (whose, event) in enumerate(stream):
            if whose == key:
                oracle.see(event)
                found += [(f"{at}", 0, *shown(plain, each.runs)) for each in oracle.found]
                found += [(key, each.deadline, *shown(plain, each.runs)) for each in oracle.due]
                oracle.found, oracle.due = [], []
        late += oracle.late
    return sorted(found), late


def shown(plain: PlainSequence, runs: object) -> tuple[tuple[tuple[str, int, int], ...], tuple[int, ...]]:
    assert isinstance(runs, dict)
    listed = [(step.name, event.time, event.id) for step in plain.steps for event in runs.get(step.name, ())[-8:]]
    newest = max(time for _, time, _ in listed)
    return tuple(each for each in listed if each[1] >= newest - plain.within), tuple(len(runs.get(step.name, ())) for step in plain.steps)


def answered(
    plain: PlainSequence, stream: Ordered[tuple[str, Seen]], cuts: Ordered[int], restarts: bool, bare: bool = False
) -> tuple[list[Answer], int, int]:
    machine = Slots([declared(plain, not bare, not bare)])
    found: list[Answer] = []
    edges = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        part = stream[start:end]
        if not part:
            continue
        answer = machine.take(part)
        names = [step.name for step in plain.steps]
        passed = [
            machine.sequences.pass_time(machine.profiles, machine.profiles.slots([key]), at) for key, (at, _) in machine.newest.items()
        ]
        for matched in (answer.matches, answer.absences, *passed):
            for at in range(len(matched)):
                counts = tuple(matched.count(at, name) for name in names)
                taken = tuple((each.step, each.time_ms, each.id_key) for each in matched.taken(at))
                if matched.deadlines_ms is None:
                    found.append((f"{start + int(matched.events[at])}", 0, taken, counts))
                else:
                    key = next(key for key in machine.newest if machine.profiles.slots([key])[0] == matched.events[at])
                    found.append((key, int(matched.deadlines_ms[at]), taken, counts))
        if restarts:
            machine.restart()
    counts = machine.sequences.counts[0]
    return sorted(found), int(counts[LATE]), int(counts[DROPPED] + counts[CUT])


@settings(max_examples=examples(1_200), deadline=None)
@given(trials(), st.lists(st.integers(0, 24), max_size=4), st.booleans(), st.booleans())
def test_slots_give_the_matches_of_brute_force(
    trial: tuple[PlainSequence, list[tuple[str, Seen]]], cuts: list[int], restarts: bool, bare: bool
) -> None:
    plain, stream = trial
    if bare:
        stream = bare_of(stream)
    found, late, _ = answered(plain, stream, [min(cut, len(stream)) for cut in cuts], restarts, bare)
    assert (found, late) == wanted(plain, stream)


@st.composite
def begun_alike(draw: st.DrawFn) -> list[PlainSequence]:
    """Sequences of single steps, most of which begin with the same one."""
    found = []
    for _ in range(draw(st.integers(2, 4))):
        names = draw(st.sampled_from(["ab", "abc", "acb", "abcd", "adc", "ba"]))
        gaps = [draw(st.sampled_from([None, None, 1, 3])) for _ in names]
        steps = tuple(PlainStep(name, gap=gap) for name, gap in zip(names, gaps, strict=True))
        found.append(PlainSequence(draw(st.integers(1, 15)), steps, each=draw(st.booleans())))
    return found


@settings(max_examples=examples(900), deadline=None)
@given(begun_alike(), streams(most=40), st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_sequences_that_begin_alike_each_give_the_matches_of_brute_force(
    plain: list[PlainSequence], stream: list[tuple[str, Seen]], cuts: list[int], restarts: bool
) -> None:
    stream = bare_of(stream)
    machine = Slots([declared(each, until=False, gate=False) for each in plain])
    found: list[tuple[int, Answer]] = []
    for start, end in itertools.pairwise([0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]):
        matches = machine.take(stream[start:end]).matches if end > start else ()
        for at in range(len(matches)):
            assert isinstance(matches, MatchedSequences)
            taken = tuple((each.step, each.time_ms, each.id_key) for each in matches.taken(at))
            found.append((int(matches.sequences[at]), (f"{start + int(matches.events[at])}", 0, taken, ())))
        if restarts:
            machine.restart()
    expected = {number: wanted(each, stream)[0] for number, each in zip(machine.sequences.of, plain, strict=True)}
    assert sorted(found) == sorted((number, (*answer[:3], ())) for number, answers in expected.items() for answer in answers)


@dataclass(frozen=True)
class Ask:
    """What a step's condition asks of an earlier step: a comparison with what it took."""

    step: str
    kind: str
    operator: str
    factor: float = 1.0
    negated: bool = False
    missing: Missing = Missing.FALSE

    @property
    def text(self) -> str:
        if self.kind == "count":
            asked = f"{self.step}.count {self.operator} {int(self.factor)}"
        elif self.kind == "same":
            asked = f"{self.step}.first(event.t) {'==' if self.operator in '<=' else '!='} event.t"
        else:
            asked = f"event.x + 1.0 {self.operator} {self.factor} * {self.step}.{self.kind}(event.x)"
        return f"!({asked})" if self.negated else asked

    def __call__(self, event: Seen, taken: Mapping[str, tuple[Seen, ...]]) -> bool:
        answer = self._answer(event, taken.get(self.step, ()))
        if answer is None and self.missing is Missing.SKIP:
            return False
        return (self.missing is Missing.TRUE if answer is None else answer) != self.negated

    def _answer(self, event: Seen, events: tuple[Seen, ...]) -> bool | None:
        if self.kind == "count":
            return _compare(float(len(events)), self.operator, float(int(self.factor)))
        name = "t" if self.kind == "same" else "x"
        values = [each.values.get(name, math.nan) for each in events]
        present = [value for value in values if not math.isnan(value)]
        read = math.nan
        if self.kind == "sum":
            read = sum(present, 0.0)
        elif self.kind in ("first", "same") and values:
            read = values[0]
        elif self.kind == "last" and values:
            read = values[-1]
        elif present:
            read = {"mean": sum(present) / len(present), "min": min(present), "max": max(present)}.get(self.kind, math.nan)
        own = event.values.get(name, math.nan)
        if self.kind == "same":
            return None if math.isnan(own) or math.isnan(read) else (own == read) == (self.operator in "<=")
        own, read = own + 1.0, self.factor * read
        return None if math.isnan(own) or math.isnan(read) else _compare(own, self.operator, read)


def _compare(left: float, operator: str, right: float) -> bool:
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


def asking(name: str, ask: Ask) -> Condition:
    """The condition of a step as the language gives it: a capture is one name."""
    text = f"event.{name} && {ask.text}"
    names = {f"event.{name}": Type.BOOL, "event.x": Type.DOUBLE, "event.t": Type.STRING}
    names |= {f"{ask.step}.{kind}(event.x)": Type.DOUBLE for kind in CAPTURES if f".{kind}(event.x)" in text}
    names |= {f"{ask.step}.count": Type.INT} if ask.kind == "count" else {}
    names |= {f"{ask.step}.first(event.t)": Type.STRING} if ask.kind == "same" else {}
    return Condition(text, _named(read_expression(Source(text, Place()))), Type.BOOL, names, frozenset(), Place(), missing=ask.missing)


def _named(node: Node) -> Node:
    """Puts names in the place of captures."""
    if isinstance(node, Call) and isinstance(node.target, Name):
        return Name(node.at, f"{node.target.name}.{node.function}({canonical(node.arguments[0])})")
    if isinstance(node, Chain):
        return replace(node, first=_named(node.first), rest=tuple((operator, at, _named(each)) for operator, at, each in node.rest))
    return replace(node, operand=_named(node.operand)) if isinstance(node, Unary) else node


@st.composite
def asking_sequences(draw: st.DrawFn) -> PlainSequence:
    plain = draw(sequences().filter(lambda each: each.ordered and len(each.steps) > 1))
    steps = [plain.steps[0]]
    for step in plain.steps[1:]:
        earlier = [each.name for each in steps if not each.absent]
        kind = draw(st.sampled_from(["count", "same", *CAPTURES]))
        factor = draw(st.sampled_from([0.5, 1.0, 2.0])) if kind != "count" else float(draw(st.integers(0, 4)))
        operator = draw(st.sampled_from(["<", "<=", ">", ">="]))
        ask = Ask(draw(st.sampled_from(earlier)), kind, operator, factor, draw(st.booleans()), draw(st.sampled_from(list(Missing))))
        steps.append(replace(step, reads=ask if draw(st.integers(0, 2)) else None))
    return replace(plain, steps=tuple(steps))


@settings(max_examples=examples(900), deadline=None)
@given(asking_sequences(), streams(valued=True), st.lists(st.integers(0, 24), max_size=4), st.booleans())
def test_conditions_that_read_earlier_steps_give_the_matches_of_brute_force_or_fewer_and_count_that(
    plain: PlainSequence, stream: list[tuple[str, Seen]], cuts: list[int], restarts: bool
) -> None:
    found, late, given_way = answered(plain, stream, [min(cut, len(stream)) for cut in cuts], restarts)
    expected = wanted(plain, stream)
    if not given_way:
        assert (found, late) == expected
    elif plain.each:
        assert {each[:2] for each in found} <= {each[:2] for each in expected[0]} or any(step.absent for step in plain.steps)
