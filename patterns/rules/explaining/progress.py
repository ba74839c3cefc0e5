"""How far the sequence of a rule had come when an event came: the real sequence, cut short, over the events of one key."""

import bisect
from collections import Counter
from collections.abc import Collection
from collections.abc import Sequence as Ordered
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.syntax.canonical import canonical
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.schema import Schema
from features.schema.string_hash import words_of
from foundation.document import duration_text
from foundation.number_arrays import Float64s
from patterns.language.pattern import Condition, Missing, Sequence, Step
from patterns.predicates.form import Forms
from patterns.predicates.tree import Truth
from patterns.predicates.truths import truths
from patterns.rules.explaining.recorded_match import steps_of_match
from patterns.rules.explaining.seen_event import SeenEvent
from patterns.rules.values.formulas import compiled_node
from patterns.sequences.matched import MatchedSequences
from patterns.sequences.plan.layout import RuleSequence
from patterns.sequences.plan.programs import Read, reads_of
from patterns.sequences.sequences import Sequences
from patterns.sequences.warm_kernels import compile_sequence_kernels

_KEY = "k"


class Partial(NamedTuple):
    """The furthest that a sequence had come.

    Args:
        step: the position of the last step that took anything; -1: none did.
        found: how many events each of the steps up to there took.
        events: (position among the events, step) that were taken.
        row: the event that `step` took last; -1: none.
        reads: what the conditions of these steps and of the next one read of the steps before them, by name; what is not known is left out.
    """

    step: int
    found: dict[str, int]
    events: list[tuple[int, str]]
    row: int
    reads: dict[str, float]


NOTHING = Partial(-1, {}, [], -1, {})


class Progress:
    """Takes the events of one key through a sequence, whole and cut short.

    Args:
        events: in the order in which they came; the last one is explained.
    """

    def __init__(self, sequence: Sequence, gate: Condition | None, events: Ordered[SeenEvent], schema: Schema, forms: Forms) -> None:
        compile_sequence_kernels()
        self._sequence = sequence
        self._gate = gate
        self._events = events
        self._plan = compile_plan(sequence.key, True, [], [], schema)
        self._forms = forms
        self._rows = {(event.time_ms, event.id_key): at for at, event in enumerate(events)}
        self._truths: dict[tuple[str, Missing], list[bool]] = {}

    def completed(self) -> Partial | None:
        """Returns what the last event completes, where it completes the sequence as the rule has it."""
        reads = self._reads(len(self._sequence.steps))
        matched = self._matched(self._sequence, self._gate, tuple(reads.values()))
        own = np.flatnonzero(matched.events == len(self._events) - 1)
        return self._partial(self._sequence, matched, int(own[0]), reads) if len(own) else None

    def recorded(self, match: Ordered[tuple[int, int]]) -> Partial | None:
        """Returns the match that a decision names, whatever is known of its events; None if its steps cannot have taken these events.

        Args:
            match: (time in ms, key of the id) of its events, by step; each is among the events.
        """
        completed = self.completed()
        if completed is not None and [self._place(row) for row, _ in completed.events] == [*match]:
            return completed
        rows = [self._rows[place] for place in match]
        steps = [step for step in self._sequence.steps if not step.absent]
        names = {step.name for step in self._sequence.steps}
        possible = [[self._may_take(step.when, row, names) for step in steps] for row in rows]
        taken = steps_of_match(steps, possible)
        if taken is None:
            return None
        events = [(row, steps[at].name) for row, at in zip(rows, taken, strict=True)]
        return Partial(len(self._sequence.steps) - 1, Counter(step for _, step in events), events, rows[-1], {})

    def _place(self, row: int) -> tuple[int, int]:
        return self._events[row].time_ms, self._events[row].id_key

    def _may_take(self, condition: Condition, row: int, steps: Collection[str]) -> bool:
        event = self._events[row]
        unknown = {*event.unknown, *(name for name in condition.names if name.partition(".")[0] in steps)}
        return truths(condition, event.columns, 0, self._forms, unknown).truth in (Truth.TRUE, Truth.UNKNOWN)

    def furthest(self) -> Partial:
        """Returns the furthest that the sequence had come with the last event, of several ways the one that came there last."""
        if not self._sequence.ordered:
            return self._in_any_order()
        ends = self._ends()
        far = bisect.bisect_left(ends, True, key=lambda end: self._cut(*end) is None)
        return (self._cut(*ends[far - 1]) if far else None) or NOTHING

    def holds(self, condition: Condition, row: int) -> bool:
        """Tells whether a condition that reads no step is known to be true of an event."""
        key = (canonical(condition.node), condition.missing)
        if key not in self._truths:
            found = (truths(condition, event.columns, 0, self._forms, event.unknown).truth for event in self._events)
            self._truths[key] = [truth is Truth.TRUE for truth in found]
        return self._truths[key][row]

    def ended_by(self, partial: Partial) -> str:
        """Says what ended a partial match before the last event, or with it; '' while it could go on."""
        sequence, last = self._sequence, len(self._events) - 1
        rest = range(partial.row + 1, last + 1)
        for row in rest:
            if sequence.until is not None and self.holds(sequence.until, row):
                return f"until was true of event {self._events[row].id}, which voids what has begun"
            absent = self._absent_after(partial.step)
            if absent is not None and self.holds(absent.when, row):
                return f"event {self._events[row].id} satisfies {absent.name}, which must not happen"
        if sequence.strict and len(rest) > 1:
            return f"event {self._events[partial.row + 1].id} came between, and the rule says select: strict"
        now_ms, first_ms = self._events[last].time_ms, min((self._events[row].time_ms for row, _ in partial.events), default=0)
        if now_ms - first_ms > sequence.within_ms:
            return f"more than {duration_text(sequence.within_ms)}, which is within, had passed since its first event"
        following = self.next_of(partial)
        gap_ms = None if following is None else following.gap_ms
        if gap_ms is not None and now_ms - self._events[partial.row].time_ms > gap_ms:
            return f"more than {duration_text(gap_ms)}, which is the gap of {following.name if following else ''}, had passed"
        return ""

    def next_of(self, partial: Partial) -> Step | None:
        """Returns the step that would have had to take the last event."""
        steps = self._sequence.steps
        if partial.step >= 0 and partial.found[steps[partial.step].name] < steps[partial.step].least:
            return steps[partial.step]
        return self._next_after(partial.step)

    def _next_after(self, step: int) -> Step | None:
        return next((each for each in self._sequence.steps[step + 1 :] if not each.absent and not each.optional), None)

    def _absent_after(self, step: int) -> Step | None:
        following = self._sequence.steps[step + 1 : step + 2]
        return following[0] if following and following[0].absent else None

    def _ends(self) -> list[tuple[int, int]]:
        """Returns the places where the sequence can be cut, the furthest last: a step, and how many events it is to have.

        Whatever has come to one of them has come to all before it.
        """
        steps = self._sequence.steps
        counted = [(at, least) for at, step in enumerate(steps) if not step.absent for least in range(1, step.least + 1)]
        return [(at, least) for at, least in counted if not steps[at].optional]

    def _cut(self, step: int, least: int) -> Partial | None:
        steps = self._sequence.steps
        whole = least == steps[step].least
        last = steps[step] if whole else replace(steps[step], least=least, most=least)
        cut = replace(self._sequence, steps=(*steps[:step], last), each=True)
        reads = self._reads(step + 1, None if not whole else self._next_after(step))
        matched = self._matched(cut, None, tuple(reads.values()))
        return self._partial(cut, matched, int(np.argmax(matched.events)), reads) if len(matched) else None

    def _partial(self, cut: Sequence, matched: MatchedSequences, at: int, reads: dict[str, Read]) -> Partial:
        events = [(self._rows[each.time_ms, each.id_key], each.step) for each in matched.taken(at)]
        listed = Counter(step for _, step in events)
        found = {each.name: max(matched.count(at, each.name), listed[each.name]) for each in cut.steps if not each.absent}
        values = {name: matched.value(at, read) for name, read in reads.items()}
        return Partial(len(cut.steps) - 1, found, events, int(matched.events[at]), values)

    def _in_any_order(self) -> Partial:
        """Counts, within the time of the sequence and after the last `until`, the events that each step may take."""
        sequence, last = self._sequence, len(self._events) - 1
        from_ms = self._events[last].time_ms - sequence.within_ms
        voided = max((row for row in range(last + 1) if sequence.until is not None and self.holds(sequence.until, row)), default=-1)
        rows = [row for row in range(voided + 1, last + 1) if self._events[row].time_ms >= from_ms and not self._events[row].late]
        events = [(row, step.name) for row in rows for step in sequence.steps if not step.absent and self.holds(step.when, row)]
        found = Counter(step for _, step in events)
        reached = max((at for at, step in enumerate(sequence.steps) if found[step.name] >= step.least), default=-1)
        return Partial(reached, dict(found), events, max((row for row, _ in events), default=-1), {})

    def _reads(self, count: int, following: Step | None = None) -> dict[str, Read]:
        """Returns by name what the conditions of the first `count` steps and of `following` read of these steps."""
        steps = self._sequence.steps[:count]
        places = {step.name: at for at, step in enumerate(steps)}
        found: dict[str, Read] = {}
        for step in (*steps, *([following] if following is not None else [])):
            names = [name for name in step.when.names if name.partition(".")[0] in places]
            found |= zip(names, reads_of(step.when, places), strict=True)
        return found

    def _matched(self, sequence: Sequence, gate: Condition | None, reads: tuple[Read, ...] = ()) -> MatchedSequences:
        sequences = Sequences([RuleSequence(sequence, gate, reads)])
        profiles = Profiles(self._plan, sequences.sections, durable=False)
        n = len(self._events)
        own = [(row, at) for row in range(n) for at, condition in enumerate(sequences.conditions) if self.holds(condition, row)]
        pairs = np.array(own, np.int64).reshape(-1, 2)
        return sequences.take(
            profiles,
            profiles.slots([_KEY] * n),
            np.array([event.time_ms for event in self._events], np.int64),
            np.array([event.id_key for event in self._events], np.int64),
            np.array([event.late for event in self._events], np.bool_),
            self._values(sequences),
            sequences.fired(pairs[:, 0].copy(), pairs[:, 1].copy(), n),
        ).matches

    def _values(self, sequences: Sequences) -> Float64s:
        values = np.full((len(self._events), len(sequences.columns)), np.nan)
        for place, column in enumerate(sequences.columns):
            program = compiled_node(column.node, replace(column.formula, names=self._events[-1].types))
            for row, event in enumerate(self._events):
                if not any(name in event.unknown for _, name in program.loads):
                    values[row, place] = _number(program.run(event.columns).spread(1))
        return values


def _number(column: Column) -> float:
    if column.type is not Type.STRING:
        return float(column.numbers()[0])
    value = column.item(0)
    return float(words_of([value], 1)[0]) if isinstance(value, str) else np.nan
