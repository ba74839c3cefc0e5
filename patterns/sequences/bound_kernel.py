"""Runs the kernel of sequences over the sparse sections of a store: hands it what it reads, and more room when it lacks some."""

import numpy as np
from numpy.typing import NDArray

from features.profiles.sparse_entries import LINE, SparseArrays
from features.profiles.sparse_sections import SparseSections
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.kernels.kernel_context import BOUNDS, SCRATCH, Own, context_of
from patterns.sequences.kernels.machine import advance
from patterns.sequences.kernels.needs import needs_of
from patterns.sequences.kernels.places import FOUND_MAX
from patterns.sequences.kernels.room import empty_room, with_room
from patterns.sequences.kernels.waiting import come_true, first_deadlines
from patterns.sequences.plan.programs import STACK_MAX
from patterns.sequences.plan.short_way import ShortWay
from patterns.sequences.plan.tables import DUES, LOCAL, NEEDS, NEW_LINES, RECORD, Tables


class BoundKernel:
    """Takes events through compiled sequences on one short way, over the sections of one store.

    Args:
        sparse: the sections of the store.
        tables: those of the sequences, with the numbers of their sections in the store.
        short: the short way.
        firsts: [rules] the number of the section of each rule's first event; -1 where the long way serves the rule.
        counter: the number of the section that counts the events of keys with strict sequences; -1 where there are none.
        counts: [rules, COUNTS] added to.

    Attributes:
        room: what the last call found.
    """

    def __init__(self, sparse: SparseSections, tables: Tables, short: ShortWay, firsts: Int64s, counter: int, counts: Int64s) -> None:
        self.sparse = sparse
        self.counter = counter
        self.room = empty_room(counts)
        self._tables, self._short = tables, short
        steps, width = len(tables.steps), int(tables.rules[:, RECORD].max(initial=0))
        places, stack = np.empty((FOUND_MAX, 2), np.int64), np.empty(STACK_MAX)
        movable, opening = np.empty(steps, np.int64), np.empty(steps, np.int64)
        asked, bounds = np.zeros(NEEDS, np.int64), np.array([0, width, counter], np.int64)
        assert len(bounds) == BOUNDS
        self._own = Own(needs_of(tables, firsts, sparse.arrays.lines), movable, opening, asked, bounds, places, stack)
        self._scratch_lines = -(-3 * width // LINE)
        self._arrays: SparseArrays | None = None
        self._context = np.zeros(0, np.int64)

    def take(
        self, slots: Int64s, times_ms: Int64s, id_keys: Int64s, late: NDArray[np.bool_], values: Float64s, events: Int64s, steps: Int64s
    ) -> None:
        """Lets the events of a batch take their steps: the arguments are those of `advance`."""
        self._forget()
        done = 0
        while True:
            done = advance(self._addresses(), slots, times_ms, id_keys, late, values, events, steps, done)
            if done == len(slots):
                return
            self._make_room(self._own.asked)

    def pass_time(self, slots: Int64s, now_ms: int) -> None:
        """Takes out the trailing absences of `slots` whose deadlines lie before `now_ms`."""
        self._forget()
        first = self._tables.steps[:, LOCAL] == 0
        most = np.zeros(NEEDS, np.int64)
        most[DUES:] = len(slots) * self._own.needs[first].sum(axis=0)[DUES:]
        self._make_room(most)
        come_true(self._addresses(), np.zeros((0, 0)), slots, now_ms)

    def deadlines_ms(self, slots: Int64s) -> Int64s:
        """Returns the earliest deadline of each slot's trailing absences; `tables.NONE` where none waits."""
        out = np.empty(len(slots), np.int64)
        first_deadlines(self._addresses(), slots, out)
        return out

    def _forget(self) -> None:
        self.room.found[:] = 0

    def _make_room(self, asked: Int64s) -> None:
        self.sparse.make_room(int(asked[NEW_LINES]) + self._scratch_lines)
        self.room = with_room(self.room, asked)
        self._arrays = None

    def _addresses(self) -> Int64s:
        """Returns the table of addresses, which is made anew when arrays have moved."""
        if self._arrays is not self.sparse.arrays:
            self._arrays = self.sparse.arrays
            self._own.bounds[SCRATCH] = len(self._arrays.words) - self._scratch_lines * LINE
            self._context = context_of(self._arrays, self._tables, self.room, self._short, self._own)
        return self._context
