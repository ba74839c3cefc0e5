"""Compiles the sequences of one kind of key, and takes batches of events through them."""

from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import Node
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.profiles.sparse_sections import SparseSections
from foundation.kernel_arrays import BOOL, FLOAT64, for_kernel
from foundation.number_arrays import Float64s, Int64s
from patterns.language.pattern import Formula
from patterns.sequences.bound_kernel import BoundKernel
from patterns.sequences.bound_tables import BoundTables
from patterns.sequences.kernels.room import FOUND_DUES, FOUND_MATCHES, Room, empty_room
from patterns.sequences.matched import MatchedSequences, shapes_of
from patterns.sequences.plan.joined_tables import join
from patterns.sequences.plan.layout import LaidOut, RuleSequence, lay_out
from patterns.sequences.plan.programs import COLUMN, Assembler
from patterns.sequences.plan.short_way import firsts_of
from patterns.sequences.plan.state_names import COUNTER, name_of
from patterns.sequences.plan.tables import (
    CAPTURED,
    CAPTURES,
    COUNTS,
    PROGRAM,
    RULE,
    WORDS,
)

_COUNTER_WORDS = 2
Fired = tuple[Int64s, Int64s]
"""Which events fire which steps, ascending by event, then by step."""


class Column(NamedTuple):
    """A number of the event that is captured, or compared with what earlier steps captured.

    Args:
        node: gives it; texts count as their hashes, see `features.schema.string_hash`.
        formula: where it stands, which says what it may read.
    """

    node: Node
    formula: Formula


@dataclass(frozen=True)
class Found:
    """What a batch did.

    Args:
        matches: of events, ascending by event.
        absences: trailing absences that have come true, in no order.
    """

    matches: MatchedSequences
    absences: MatchedSequences


class Sequences:
    """Sequences of one kind of key. Equal ones are one: rules that have the same steps share their state and their matches.

    Attributes:
        of: for each rule, the number of its sequence.
        sections: what profiles of that kind keep of them.
        conditions: those on the event alone, which somebody else evaluates; each fires one step.
        columns: numbers of events that `take` needs as values.
        counts: [sequences, COUNTS] see `patterns.sequences.plan.tables`.
        shapes: of the records of their matches.
    """

    def __init__(self, rules: Iterable[RuleSequence]) -> None:
        self.columns: list[Column] = []
        self._column_of: dict[str, int] = {}
        laid_out: dict[str, tuple[LaidOut, Assembler]] = {}
        self.of: list[int] = []
        for rule in rules:
            assembler = Assembler({}, [], self._column)
            own = lay_out(rule, assembler)
            name = name_of(rule, own)
            self.of.append(list(laid_out.setdefault(name, (own, assembler)) and laid_out).index(name))
        self._laid_out = [own for own, _ in laid_out.values()]
        self.sections = tuple(Section(name, int(own.rule[WORDS]), sparse=True) for name, (own, _) in laid_out.items())
        if any(own.sequence.strict for own in self._laid_out):
            self.sections += (Section(COUNTER, _COUNTER_WORDS, sparse=True),)
        self.tables = join(laid_out.values(), self._column)
        self._firsts = firsts_of(self.tables, self._laid_out)
        self.sections += self._firsts.sections
        self.counts = np.zeros((len(self._laid_out), COUNTS), np.int64)
        fires = [condition for own in self._laid_out for condition in own.fires]
        self._always = np.array([at for at, condition in enumerate(fires) if condition is None], np.int64)
        self._step_of = np.array([at for at, condition in enumerate(fires) if condition is not None], np.int64)
        self.conditions = [condition for condition in fires if condition is not None]
        self.shapes = shapes_of(self.tables, self._laid_out)
        self._bound: BoundTables | None = None
        none = empty_room(self.counts)
        self._nothing = Found(self._matches(none), self._absences(none))

    def _column(self, node: Node, formula: Formula) -> int:
        text = canonical(node)
        if text not in self._column_of:
            self._column_of[text] = len(self.columns)
            self.columns.append(Column(node, formula))
        return self._column_of[text]

    def fired(self, events: Int64s, conditions: Int64s, n: int) -> Fired:
        """Returns which events fire which steps, ascending by event, then by step.

        Args:
            events, conditions: [m] which events satisfy which of `conditions`, ascending by event, then by condition.
            n: number of events of the batch.
        """
        steps = self._step_of[conditions]
        if not len(self._always):  # steps have the order of their conditions
            return events, steps
        events = np.concatenate([events, np.repeat(np.arange(n), len(self._always))])
        steps = np.concatenate([steps, np.tile(self._always, n)])
        keys = np.sort(events << 32 | steps)
        return keys >> 32, keys & 0xFFFFFFFF

    def conditions_of(self, numbers: Ordered[int]) -> list[int]:
        """Returns the places among `conditions` of those of the sequences with these numbers."""
        return [int(place) for place in np.flatnonzero(np.isin(self.tables.steps[self._step_of, RULE], numbers))]

    def columns_of(self, numbers: Ordered[int]) -> set[int]:
        """Returns the places among `columns` of what the sequences with these numbers read."""
        read: set[int] = set()
        for rule in numbers:
            steps = self.tables.steps[self.tables.steps[:, RULE] == rule]
            for step in steps:
                read |= set(self.tables.captured[step[CAPTURED] :][: step[CAPTURES]].tolist() if step[CAPTURES] > 0 else ())
                if step[PROGRAM] >= 0:
                    code = self.tables.code[self.tables.programs[step[PROGRAM]] : self.tables.programs[step[PROGRAM] + 1]]
                    read |= set(code[code[:, 0] == COLUMN, 1].tolist())
        return read

    def fired_of(self, numbers: Ordered[int], fired: Fired) -> Fired:
        """Returns what of `fired` are steps of the sequences with these numbers."""
        events, steps = fired
        kept = np.isin(self.tables.steps[steps, RULE], numbers)
        return events[kept], steps[kept]

    def take(
        self,
        profiles: Profiles,
        slots: Int64s,
        times_ms: Int64s,
        id_keys: Int64s,
        late: NDArray[np.bool_],
        values: Float64s,
        fired: Fired,
    ) -> Found:
        """Takes the events of a batch, in their order, through the sequences of their keys.

        An event that is late neither opens nor extends; it is counted. Give only events that are new: a duplicate is none, nor is a
        correction or a retraction.

        Args:
            profiles: hold `sections`.
            slots: [n] of the events' keys in `profiles`; -1 for an event that has no key, or is not new.
            late: [n] whether the key had a newer event before, see `features.layout.layout.LATE`.
            values: [n, columns] what `columns` say of the events; NaN where a value is missing.
            fired: what `fired` returns.
        """
        return self._take(self._bound_to(profiles.sections.sparse).shared, slots, times_ms, id_keys, late, values, fired)

    def take_history(self, sparse: SparseSections, slot: int, times_ms: Int64s, id_keys: Int64s, values: Float64s, fired: Fired) -> None:
        """Takes earlier events of one key, in their order, through sequences that are new to it, and leaves aside what the others share.

        Args:
            fired: steps of these sequences alone, see `fired_of`.
        """
        n = len(times_ms)
        self._take(self._bound_to(sparse).alone, np.full(n, slot), times_ms, id_keys, np.zeros(n, np.bool_), values, fired)

    def _take(
        self,
        kernel: BoundKernel,
        slots: Int64s,
        times_ms: Int64s,
        id_keys: Int64s,
        late: NDArray[np.bool_],
        values: Float64s,
        fired: Fired,
    ) -> Found:
        events, steps = fired
        if not len(steps) and kernel.counter < 0:
            return self._nothing
        batch = for_kernel(slots), for_kernel(times_ms), for_kernel(id_keys), for_kernel(late, BOOL), for_kernel(values, FLOAT64)
        kernel.take(*batch, for_kernel(events), for_kernel(steps))
        if not np.count_nonzero(kernel.room.found):
            return self._nothing
        return Found(self._matches(kernel.room), self._absences(kernel.room))

    def pass_time(self, profiles: Profiles, slots: Int64s, now_ms: int) -> MatchedSequences:
        """Takes out the trailing absences of `slots`, each once, whose deadlines lie before `now_ms`: event time has passed them."""
        kernel = self._bound_to(profiles.sections.sparse).shared
        kernel.pass_time(for_kernel(slots), now_ms)
        return self._absences(kernel.room)

    def deadlines_ms(self, profiles: Profiles, slots: Int64s) -> Int64s:
        """Returns the earliest deadline of each slot's trailing absences; `tables.NONE` where none waits.

        Whoever can wake up by event time calls `pass_time` once that time is later than the deadline.
        """
        return self._bound_to(profiles.sections.sparse).shared.deadlines_ms(for_kernel(slots))

    def _bound_to(self, sparse: SparseSections) -> BoundTables:
        """Returns the tables with the numbers that the sections have in a store; those of the last call are remembered."""
        if self._bound is None or self._bound.sparse is not sparse:
            names = [section.name for section in self.sections[: len(self._laid_out)]]
            self._bound = BoundTables(sparse, self.tables, names, self._firsts, self.counts)
        return self._bound

    def _matches(self, room: Room) -> MatchedSequences:
        """Returns the matches of events in a copy: the next batch finds the same room."""
        n = int(room.found[FOUND_MATCHES])
        words = room.words[: room.starts[n]].copy()
        return MatchedSequences(room.events[:n].copy(), room.rules[:n].copy(), room.starts[:n].copy(), words, self.shapes, None)

    def _absences(self, room: Room) -> MatchedSequences:
        """Returns the absences that have come true in a copy."""
        n = int(room.found[FOUND_DUES])
        starts, words = room.due_starts[:n], room.due_words[: room.due_starts[n]].copy()
        return MatchedSequences(room.due_slots[:n].copy(), room.due_rules[:n].copy(), starts + 1, words, self.shapes, words[starts])
