"""Binds compiled sequences to the sparse sections of a store, which number them."""

import functools

import numpy as np

from features.profiles.sparse_sections import SparseSections
from foundation.number_arrays import Int64s
from patterns.sequences.bound_kernel import BoundKernel
from patterns.sequences.plan.short_way import Firsts, short_way
from patterns.sequences.plan.state_names import COUNTER
from patterns.sequences.plan.tables import SECTION, STRICT, Tables


class BoundTables:
    """Holds compiled sequences with the numbers that their sections have in a store.

    Args:
        sparse: the sections of the store.
        tables: those of the sequences.
        names: of the section of each sequence.
        counts: [rules, COUNTS] see `patterns.sequences.plan.tables`.
    """

    def __init__(self, sparse: SparseSections, tables: Tables, names: list[str], firsts: Firsts, counts: Int64s) -> None:
        rules = tables.rules.copy()
        rules[:, SECTION] = [sparse.numbers[name] for name in names]
        self.sparse = sparse
        self._tables = tables._replace(rules=rules)
        self._firsts = np.array([*(sparse.numbers[section.name] for section in firsts.sections), -1], np.int64)[firsts.of]
        self._counter = sparse.numbers.get(COUNTER, -1) if rules[:, STRICT].any() else -1
        self._counts = counts

    @functools.cached_property
    def shared(self) -> BoundKernel:
        """The kernel by which sequences share their first events."""
        return self._kernel(keeps_own=False)

    @functools.cached_property
    def alone(self) -> BoundKernel:
        """The kernel by which each sequence keeps its first event by itself, which is seldom asked for."""
        return self._kernel(keeps_own=True)

    def _kernel(self, keeps_own: bool) -> BoundKernel:
        short = short_way(self._tables, self._firsts, keeps_own)
        return BoundKernel(self.sparse, self._tables, short, self._firsts, self._counter, self._counts)
