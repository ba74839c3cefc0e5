"""Compiles the sequences of one kind of key, and takes batches of events through them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import Node
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.profiles.sparse_entries import LINE, USED_LINES
from features.profiles.sparse_sections import SparseSections
from foundation.number_arrays import Float64s, Int64s
from patterns.language.pattern import Condition, Formula, Sequence
from patterns.sequences.layout import LaidOut, lay_out
from patterns.sequences.machine import Events, Room, advance, come_true, first_deadlines
from patterns.sequences.matched import MatchedSequences, shapes_of
from patterns.sequences.programs import CONSTANT, Assembler, Read, node_of
from patterns.sequences.tables import (
    CAPTURED,
    COUNTS,
    FIRST,
    KIND,
    LAST,
    LOCAL,
    ORDERED,
    PLAIN,
    PROGRAM,
    RECORD,
    RULE,
    SECTION,
    STRICT,
    WAIT,
    WORDS,
    Tables,
)

COUNTER = "sequence: events of a key"
"""The section that counts the events of keys in which a strict sequence has begun."""
_COUNTER_WORDS = 2
_LAYOUT = "1"
"""Another number where the words of a sequence come to mean something else."""


class RuleSequence(NamedTuple):
    """What of a rule is a sequence.

    Args:
        sequence: its steps.
        gate: the condition beside it, on the event that completes it; None: any event may.
        reads: what is read of its steps when it has matched, such as in a reason.
    """

    sequence: Sequence
    gate: Condition | None = None
    reads: tuple[Read, ...] = ()


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
        counts: [sequences, COUNTS] see `patterns.sequences.tables`.
    """

    def __init__(self, rules: Iterable[RuleSequence]) -> None:
        self.columns: list[Column] = []
        self._column_of: dict[str, int] = {}
        laid_out: dict[str, tuple[LaidOut, Assembler]] = {}
        self.of: list[int] = []
        for rule in rules:
            assembler = Assembler({}, [], self._column)
            own = lay_out(rule.sequence, rule.gate, assembler, rule.reads)
            name = _name_of(rule, own)
            self.of.append(list(laid_out.setdefault(name, (own, assembler)) and laid_out).index(name))
        self._laid_out = [own for own, _ in laid_out.values()]
        self.sections = tuple(Section(name, int(own.rule[WORDS]), sparse=True) for name, (own, _) in laid_out.items())
        strict = any(own.sequence.strict for own in self._laid_out)
        if strict:
            self.sections += (Section(COUNTER, _COUNTER_WORDS, sparse=True),)
        self._strict = strict
        self.tables = self._join(list(laid_out.values()))
        self.counts = np.zeros((len(self._laid_out), COUNTS), np.int64)
        kinds = self.tables.steps[:, KIND]
        fires = [condition for own in self._laid_out for condition in own.fires]
        self._always = np.array([at for at, condition in enumerate(fires) if condition is None], np.int64)
        self._step_of = np.array([at for at, condition in enumerate(fires) if condition is not None], np.int64)
        self.conditions = [condition for condition in fires if condition is not None]
        rules_of = self.tables.steps[:, RULE]
        self._opens = np.where(self.tables.rules[rules_of, ORDERED] != 0, self.tables.steps[:, LOCAL] == 0, kinds == PLAIN)
        self._closes = self.tables.steps[:, LOCAL] == self.tables.rules[rules_of, LAST]
        self._closes |= (self.tables.rules[rules_of, ORDERED] == 0) & (kinds == PLAIN)
        self._waits = self.tables.rules[rules_of, WAIT] >= 0
        self._records = self.tables.rules[rules_of, RECORD]
        self._scratch_lines = -(-3 * int(self.tables.rules[:, RECORD].max(initial=0)) // LINE)
        self._shapes = shapes_of(self.tables, self._laid_out)
        self._bound: tuple[SparseSections, Tables, int] | None = None

    def _column(self, node: Node, formula: Formula) -> int:
        text = canonical(node)
        if text not in self._column_of:
            self._column_of[text] = len(self.columns)
            self.columns.append(Column(node, formula))
        return self._column_of[text]

    def _join(self, parts: list[tuple[LaidOut, Assembler]]) -> Tables:
        rules: list[Int64s] = []
        steps: list[Int64s] = []
        captured: list[int] = []
        starts, code = [0], list[tuple[int, int, int]]()
        constants: list[float] = []
        first = 0
        for number, (own, assembler) in enumerate(parts):
            rule, rows = own.rule.copy(), own.steps.copy()
            rule[SECTION], rule[FIRST] = number, first
            rows[:, RULE] = number
            rows[rows[:, PROGRAM] >= 0, PROGRAM] += len(starts) - 1
            for at, texts in enumerate(own.captures):
                rows[at, CAPTURED] = len(captured)
                captured += [self._column(node_of(text), own.sequence.steps[at].when) for text in texts]
            for program in own.programs:
                code += [(each, a + len(constants) if each == CONSTANT else a, b) for each, a, b in program]
                starts.append(len(code))
            constants += assembler.constants
            first += len(rows)
            rules.append(rule)
            steps.append(rows)
        none = np.zeros((0, 0), np.int64)
        return Tables(
            np.array(rules) if rules else none,
            np.vstack(steps) if steps else none,
            np.array(captured, np.int64),
            np.array(starts, np.int64),
            np.array(code, np.int64).reshape(-1, 3),
            np.array(constants, np.float64),
        )

    @property
    def state_bytes(self) -> list[int]:
        """Returns for each sequence the bytes that a key takes at most."""
        return [8 * int(own.rule[WORDS]) for own in self._laid_out]

    def fired(self, events: Int64s, conditions: Int64s, n: int) -> tuple[Int64s, Int64s]:
        """Returns which events fire which steps, ascending by event, then by step.

        Args:
            events, conditions: [m] which events satisfy which of `conditions`.
            n: number of events of the batch.
        """
        steps = self._step_of[conditions]
        if len(self._always):
            events = np.concatenate([events, np.repeat(np.arange(n), len(self._always))])
            steps = np.concatenate([steps, np.tile(self._always, n)])
        keys = events << 32 | steps
        if len(keys) > 1 and (keys[1:] < keys[:-1]).any():
            keys = np.sort(keys)
        return keys >> 32, keys & 0xFFFFFFFF

    def take(
        self,
        profiles: Profiles,
        slots: Int64s,
        times_ms: Int64s,
        id_keys: Int64s,
        late: NDArray[np.bool_],
        values: Float64s,
        fired: tuple[Int64s, Int64s],
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
        sparse = profiles.sections.sparse
        tables, counter = self._tables_for(sparse)
        events, steps = fired
        scratch = self._make_room(sparse, tables, steps[self._opens[steps]])
        room = self._room(steps[self._closes[steps]], steps[self._waits[steps]])
        batch = Events(slots, times_ms, id_keys, late.astype(np.int64), values, events, steps)
        matches, dues = advance(sparse.arrays, tables, batch, room, scratch, counter)
        return Found(self._matches(room, matches), self._absences(room, dues))

    def pass_time(self, profiles: Profiles, slots: Int64s, now_ms: int) -> MatchedSequences:
        """Takes out the trailing absences of `slots`, each once, whose deadlines lie before `now_ms`: event time has passed them."""
        sparse = profiles.sections.sparse
        waits = np.flatnonzero(self._waits & (self.tables.steps[:, LOCAL] == 0))
        room = self._room(waits[:0], np.tile(waits, len(slots)))
        return self._absences(room, come_true(sparse.arrays, self._tables_for(sparse)[0], room, slots, now_ms))

    def deadlines_ms(self, profiles: Profiles, slots: Int64s) -> Int64s:
        """Returns the earliest deadline of each slot's trailing absences; `tables.NONE` where none waits.

        Whoever can wake up by event time calls `pass_time` once that time is later than the deadline.
        """
        sparse = profiles.sections.sparse
        out = np.empty(len(slots), np.int64)
        first_deadlines(sparse.arrays, self._tables_for(sparse)[0], slots, out)
        return out

    def _tables_for(self, sparse: SparseSections) -> tuple[Tables, int]:
        """Returns the tables with the numbers that the sections have in a store, and that of the counter of strict keys."""
        if self._bound is None or self._bound[0] is not sparse:
            rules = self.tables.rules.copy()
            rules[:, SECTION] = [sparse.numbers[section.name] for section in self.sections[: len(rules)]]
            self._bound = sparse, self.tables._replace(rules=rules), sparse.numbers.get(COUNTER, -1) if self._strict else -1
        return self._bound[1], self._bound[2]

    def _make_room(self, sparse: SparseSections, tables: Tables, opening: Int64s) -> int:
        """Makes room for the entries that `opening` steps may make; returns the first word behind them, where records can be made."""
        rules = tables.steps[opening, RULE]
        strict = int(np.count_nonzero(tables.rules[rules, STRICT])) if self._strict else 0
        lines = int(sparse.arrays.lines[tables.rules[rules, SECTION]].sum()) + strict
        sparse.make_room(len(opening) + strict, lines + self._scratch_lines)
        return (int(sparse.arrays.numbers[USED_LINES]) + lines) * LINE

    def _room(self, closing: Int64s, waiting: Int64s) -> Room:
        records, dues = self._records[closing], self._records[waiting] + 1
        arrays = [np.empty(size, np.int64) for size in (len(closing), len(closing), len(closing) + 1, int(records.sum()))]
        arrays += [np.empty(size, np.int64) for size in (len(waiting), len(waiting), len(waiting) + 1, int(dues.sum()))]
        return Room(self.counts, *arrays)

    def _matches(self, room: Room, n: int) -> MatchedSequences:
        return MatchedSequences(room.events[:n], room.rules[:n], room.starts[:n], room.words, self._shapes, None)

    def _absences(self, room: Room, n: int) -> MatchedSequences:
        starts = room.due_starts[:n]
        return MatchedSequences(room.due_slots[:n], room.due_rules[:n], starts + 1, room.due_words, self._shapes, room.due_words[starts])


def _name_of(rule: RuleSequence, own: LaidOut) -> str:
    """Returns a hash of all that gives the words of a sequence their meaning: a change of anything else keeps them."""
    sequence = rule.sequence
    steps = [(step.name, _text(step.when), step.least, step.most, step.gap_ms, step.optional, step.absent) for step in sequence.steps]
    how = (sequence.key, sequence.within_ms, sequence.ordered, sequence.strict, sequence.each, _text(sequence.until), _text(rule.gate))
    return (
        "sequence:" + hashlib.blake2b(repr((_LAYOUT, steps, how, own.captures, sorted(own.counted))).encode(), digest_size=12).hexdigest()
    )


def _text(condition: Condition | None) -> str:
    return "" if condition is None else f"{condition.missing.value}: {canonical(condition.node)}"
