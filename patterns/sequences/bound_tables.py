"""Binds compiled sequences to the sparse sections of a store, which number them, and says what room a batch of fired steps needs there."""

import functools
from dataclasses import dataclass

import numpy as np

from features.profiles.sparse_sections import SparseSections
from foundation.number_arrays import Int64s
from patterns.sequences.machine import DUE_WORDS, DUES, MATCH_WORDS, MATCHES, NEEDS, NEW_ENTRIES, NEW_LINES
from patterns.sequences.short_way import Firsts, ShortWay, short_way
from patterns.sequences.state_names import COUNTER
from patterns.sequences.tables import KIND, LAST, LOCAL, ORDERED, PLAIN, RECORD, RULE, SECTION, STRICT, WAIT, Tables


@dataclass(frozen=True)
class BoundTables:
    """Holds compiled sequences with the numbers that their sections have in a store.

    Args:
        sparse: the sections of the store.
        tables: those of the sequences.
        firsts: [rules] the number of the section of each rule's first event; -1 where the long way serves the rule.
        counter: the number of the section that counts the events of keys with strict sequences; -1 where there are none.
        shared: the short way on which sequences share their first events.
        needs: [steps, NEEDS] what each step may need at most when an event fires it.
    """

    sparse: SparseSections
    tables: Tables
    firsts: Int64s
    counter: int
    shared: ShortWay
    needs: Int64s

    @functools.cached_property
    def alone(self) -> ShortWay:
        """The short way on which each sequence keeps its first event by itself, which is seldom gone."""
        return short_way(self.tables, self.firsts, keeps_own=True)


def bound_tables(sparse: SparseSections, tables: Tables, names: list[str], firsts: Firsts) -> BoundTables:
    """Binds sequences to a store.

    Args:
        names: of the section of each sequence.
    """
    rules = tables.rules.copy()
    rules[:, SECTION] = [sparse.numbers[name] for name in names]
    tables = tables._replace(rules=rules)
    numbers = np.array([*(sparse.numbers[section.name] for section in firsts.sections), -1], np.int64)[firsts.of]
    counter = sparse.numbers.get(COUNTER, -1) if rules[:, STRICT].any() else -1
    shared, needs = short_way(tables, numbers, keeps_own=False), _needs_of(tables, numbers, sparse.arrays.lines)
    return BoundTables(sparse, tables, numbers, counter, shared, needs)


def _needs_of(tables: Tables, firsts: Int64s, lines: Int64s) -> Int64s:
    """Returns [steps, NEEDS]."""
    steps, rules = tables.steps, tables.rules[tables.steps[:, RULE]]
    ordered, plain = rules[:, ORDERED] != 0, steps[:, KIND] == PLAIN
    makes_own = ordered & (steps[:, LOCAL] == 1) & (firsts[steps[:, RULE]] >= 0)
    opens = np.where(ordered, (steps[:, LOCAL] == 0) | makes_own, plain)
    closes = np.where(ordered, steps[:, LOCAL] == rules[:, LAST], plain)
    waits = rules[:, WAIT] >= 0
    out = np.zeros((len(steps), NEEDS), np.int64)
    out[:, NEW_ENTRIES] = opens * (1 + rules[:, STRICT])
    out[:, NEW_LINES] = opens * (lines[rules[:, SECTION]] + rules[:, STRICT])
    out[:, MATCHES], out[:, MATCH_WORDS] = closes, closes * rules[:, RECORD]
    out[:, DUES], out[:, DUE_WORDS] = waits, waits * (1 + rules[:, RECORD])
    return out
