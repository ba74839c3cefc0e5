"""The sequences of rules of one kind of key: they take the events of a batch, and their matches become matches of rules."""

import re
from collections.abc import Collection, Mapping
from collections.abc import Sequence as Ordered
from typing import Protocol

import numpy as np

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.types import Type
from features.expressions.syntax.canonical import canonical
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.profiles.sparse_sections import SparseSections
from features.schema.batch import Batch
from features.schema.string_hash import words_of
from foundation.number_arrays import Float64s, Int64s
from patterns.findings import Events, Values
from patterns.language.pattern import Condition, Pattern
from patterns.matches import Bools
from patterns.predicates.event_values import EventValues
from patterns.rules.values.formulas import compiled_node
from patterns.rules.values.own_names import written_name
from patterns.rules.values.wording import REASON_CHARACTERS_MAX, Wordings, plain_value, reads_of_reason, shown_value
from patterns.sequences.matched import MatchedSequences, Shape, joined
from patterns.sequences.plan.layout import RuleSequence
from patterns.sequences.plan.programs import Read
from patterns.sequences.plan.tables import WAIT
from patterns.sequences.sequences import Column as SequenceColumn
from patterns.sequences.sequences import Found, Sequences
from patterns.sequences.warm_kernels import compile_sequence_kernels

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class OfKeys(Protocol):
    """Says of the events of a batch what sequences of one kind of key need, see `patterns.matches.Sight`."""

    @property
    def batch(self) -> Batch: ...

    @property
    def fresh(self) -> Bools: ...

    @property
    def late(self) -> Bools: ...

    @property
    def profiles(self) -> Profiles: ...

    @property
    def slots(self) -> Int64s: ...


class _BesideEvents:
    """Computes what sequences capture of events, which is one name, or compare with what they captured.

    Attributes:
        name: what is captured; '' for a calculation.
    """

    def __init__(self, column: SequenceColumn) -> None:
        text = canonical(column.node)
        self.name = text if _NAME.fullmatch(text) else ""
        self._program = None if self.name else compiled_node(column.node, column.formula)

    def over(self, columns: Mapping[str, Column]) -> Column:
        """Returns the values of n events, or one for all of them."""
        return columns[self.name] if self._program is None else self._program.run(columns)

    def numbers(self, columns: Mapping[str, Column], n: int) -> Float64s:
        """Returns the values [n] as numbers, texts as their hashes; NaN where there is no value."""
        placed = columns.doubles(self.name) if isinstance(columns, EventValues) else None
        if placed is not None:
            return placed
        column = self.over(columns).spread(n)
        return _hashed(column, n) if column.type is Type.STRING else column.numbers()


class RuleSequences:
    """Holds the sequences of rules of one kind of key, with their kernels loaded: the first event must not wait for them.

    Args:
        own: position and declaration of each rule that has one; at least one.
        gated: whether the condition beside a sequence is known where its steps are: then, where it is false, nothing is ended.

    Attributes:
        rules_of: for each sequence the positions of the rules that have it.
    """

    def __init__(self, own: Ordered[tuple[int, Pattern]], gated: bool = True) -> None:
        compile_sequence_kernels()
        rules = np.array([at for at, _ in own], np.int64)
        self._sequences = Sequences([_rule_sequence(pattern, gated) for _, pattern in own])
        of = np.array(self._sequences.of, np.int64)
        self.rules_of = [rules[of == number] for number in range(int(of.max()) + 1)]
        self._columns = [_BesideEvents(column) for column in self._sequences.columns]

    @property
    def sections(self) -> tuple[Section, ...]:
        """What profiles of the keys keep of the sequences."""
        return self._sequences.sections

    @property
    def shapes(self) -> Ordered[Shape]:
        """The shapes of the records of matches, by sequence."""
        return self._sequences.shapes

    @property
    def captured(self) -> list[str]:
        """The names that are captured of events."""
        return [column.name for column in self._columns if column.name]

    @property
    def conditions(self) -> list[Condition]:
        """The conditions that somebody else evaluates, in the order in which `take` is told of them."""
        return self._sequences.conditions

    def take(self, of: OfKeys, columns: Mapping[str, Column], events: Int64s, conditions: Int64s) -> Found:
        """Takes the events of a batch through the sequences of their keys.

        Args:
            events, conditions: [m] which events satisfy which of `conditions`, ascending by event, then by condition.
        """
        batch = of.batch
        slots = np.where(of.fresh, of.slots, -1)
        fired = self._sequences.fired(events, conditions, len(batch))
        values = self._values(columns, len(batch), None if len(fired[1]) else ())  # steps alone read them
        return self._sequences.take(of.profiles, slots, batch.times_ms, batch.id_keys, of.late, values, fired)

    @property
    def waits(self) -> bool:
        """Whether any of the sequences ends with an absence."""
        return bool((self._sequences.tables.rules[:, WAIT] >= 0).any())

    def deadlines_ms(self, profiles: Profiles, slots: Int64s) -> Int64s:
        """Returns the earliest deadline of each slot's trailing absences; `patterns.sequences.plan.tables.NONE` where none waits."""
        return self._sequences.deadlines_ms(profiles, slots)

    def pass_time(self, profiles: Profiles, slots: Int64s, now_ms: int) -> MatchedSequences:
        """Takes out the trailing absences of `slots`, each once, whose deadlines lie before `now_ms`."""
        return self._sequences.pass_time(profiles, slots, now_ms)

    def take_history(
        self,
        sparse: SparseSections,
        slot: int,
        batch: Batch,
        columns: Mapping[str, Column],
        events: Int64s,
        conditions: Int64s,
        numbers: Ordered[int],
    ) -> None:
        """Takes earlier events of one key through the sequences with these numbers; nobody is told what they match.

        Args:
            columns: of the events; all that these sequences read.
        """
        n, known = len(batch), self._sequences.columns_of(numbers)
        fired = self._sequences.fired_of(numbers, self._sequences.fired(events, conditions, n))
        self._sequences.take_history(sparse, slot, batch.times_ms, batch.id_keys, self._values(columns, n, known), fired)

    def conditions_of(self, numbers: Ordered[int]) -> list[int]:
        """Returns the places among `conditions` of those of the sequences with these numbers."""
        return self._sequences.conditions_of(numbers)

    def _values(self, columns: Mapping[str, Column], n: int, known: Collection[int] | None = None) -> Float64s:
        values = np.full((n, len(self._columns)), np.nan)
        for at, program in enumerate(self._columns):
            if known is None or at in known:
                values[:, at] = program.numbers(columns, n)
        return values


def sequences_of(patterns: Ordered[Pattern], kind: str, gated: bool = True) -> RuleSequences | None:
    """Returns the sequences of rules whose key is `kind`, where `patterns` are all rules that are evaluated; None if there are none."""
    own = [(at, pattern) for at, pattern in enumerate(patterns) if pattern.sequence is not None and pattern.sequence.key == kind]
    return RuleSequences(own, gated) if own else None


class MatchedRules:
    """Holds the matches of rules that sequences gave: a sequence that several rules have gives one for each.

    Args:
        parts: for each kind of key, its matches, and for each of its sequences the positions of the rules that have it; at least one.

    Attributes:
        events: [m] row of the event that completed the match.
        rules: [m] position of the rule.
        matches: [m] the match of the sequence.
    """

    def __init__(self, parts: Ordered[tuple[MatchedSequences, list[Int64s]]]) -> None:
        self.matched = joined([matched for matched, _ in parts])
        rules_of = [rules for _, each in parts for rules in each]
        each = [rules_of[number] for number in self.matched.sequences.tolist()]
        counts = np.array([len(rules) for rules in each], np.int64)
        self.events = np.repeat(self.matched.events, counts)
        self.rules = np.concatenate([np.zeros(0, np.int64), *each])
        self.matches = np.repeat(np.arange(len(self.matched)), counts)


class SequenceWords:
    """Says what matches of sequences found, see `patterns.findings.Source`.

    Args:
        matched: the matches of a batch.
        columns: of its n events.
    """

    def __init__(self, matched: MatchedRules, wordings: Wordings, columns: Mapping[str, Column], n: int) -> None:
        self._of = matched
        self._wordings = wordings
        self._columns = columns
        self._n = n

    def values(self, place: int) -> Values:
        """See `patterns.findings.Source`."""
        names = self._wordings[int(self._of.rules[place])].names
        return {written_name(name): plain_value(self._column(place, name), 0) for name in names}

    def reason(self, place: int) -> str:
        """See `patterns.findings.Source`."""
        parts = self._wordings[int(self._of.rules[place])].parts
        texts = (
            part if isinstance(part, str) else shown_value(part.over({name: self._column(place, name) for name in part.names}, 1), 0)
            for part in parts
        )
        return "".join(texts)[:REASON_CHARACTERS_MAX]

    def events(self, place: int) -> Events:
        """See `patterns.findings.Source`."""
        return [(taken.time_ms, taken.id_key) for taken in self._of.matched.taken(int(self._of.matches[place]))]

    def _column(self, place: int, name: str) -> Column:
        """Returns one value: what is read of an earlier step, or what the completing event has."""
        wording = self._wordings[int(self._of.rules[place])]
        read = wording.reads.get(name)
        if read is None:
            column = self._columns[name].spread(self._n)
            return Column.of_values(column.type, [column.item(int(self._of.events[place]))])
        return value_of_step(wording.types[name], self._of.matched, int(self._of.matches[place]), read)


def value_of_step(type: Type, matched: MatchedSequences, match: int, read: Read) -> Column:
    """Returns what is read of an earlier step of a match, as one value."""
    return Column.of_values(type, [_as(type, matched.value(match, read))])


def _rule_sequence(pattern: Pattern, gated: bool) -> RuleSequence:
    assert pattern.sequence is not None
    return RuleSequence(pattern.sequence, pattern.when if gated else None, tuple(dict.fromkeys(reads_of_reason(pattern).values())))


def _hashed(column: Column, n: int) -> Float64s:
    words = words_of(column.texts.all, len(column.texts.all))[column.values]
    return words if column.faults is None else np.where(column.faults == 0, words, np.nan)


def _as(type: Type, value: float) -> Value | Fault | None:
    """Returns a captured number as a value of its type; a text is only known by its hash, and so is missing."""
    if value != value or type is Type.STRING:
        return None
    return bool(value) if type is Type.BOOL else int(value) if type in (Type.INT, Type.TIMESTAMP, Type.DURATION) else value
