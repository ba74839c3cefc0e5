"""Finds the profile slab and the plan in the context of compiled functions."""

import numpy as np

from features.layout.address_table import float_rows, floats, int_rows, ints, table_of
from features.layout.layout import Counts, ProfileSlab, Ranks
from features.layout.plan_arrays import PlanArrays
from foundation.borrowing import inner
from foundation.number_arrays import Int64s

_HEADS, _PAGES, _EDGES, _BACKS, _SUFFIXES, _ROOTS, _FREE_PAGES, _FREE_NOTES, _NOTES = range(9)
_FILTERS, _FILTER_LINES, _FREE_FILTERS, _SEALED, _DROPPED, _COUNTERS, _COUNTS = range(9, 16)
_RANKS = _COUNTS + len(Counts._fields)
_PLAN = _RANKS + len(Ranks._fields)
ARRAYS = _PLAN + len(PlanArrays._fields)
"""The number of arrays of slab and plan; the events and their answers stand after them."""


def context_of(slab: ProfileSlab, plan: PlanArrays, more: int) -> Int64s:
    """Makes the context of kernels over `slab` under `plan`, with room for `more` arrays; valid until either is replaced."""
    own = [slab.heads, slab.pages, slab.edges, slab.backs, slab.suffixes, slab.roots, slab.free_pages, slab.free_notes]
    own += [slab.notes, slab.filters, slab.filter_lines, slab.free_filters, slab.sealed, slab.dropped, slab.counters]
    return table_of([*own, *slab.counts, *slab.ranks, *plan], more)


class NewestContext:
    """Has the context of the slab that it was asked for last: what asks for one profile after the other makes no table for each.

    Args:
        plan: under which the slabs stand.
        more: the number of arrays for which a context has room beside theirs.
    """

    def __init__(self, plan: PlanArrays, more: int) -> None:
        self._plan = plan
        self._more = more
        self._slab: ProfileSlab | None = None
        self._table = np.zeros(0, dtype=np.int64)

    def of(self, slab: ProfileSlab) -> Int64s:
        """Returns the context of `slab`, which is made anew where arrays have moved."""
        if self._slab is not slab:
            self._slab, self._table = slab, context_of(slab, self._plan, self._more)
        return self._table


@inner
def slab_of(context: Int64s) -> ProfileSlab:
    """Returns the profile slab."""
    return ProfileSlab(
        int_rows(context, _HEADS),
        float_rows(context, _HEADS),
        int_rows(context, _PAGES),
        float_rows(context, _PAGES),
        int_rows(context, _EDGES),
        float_rows(context, _BACKS),
        float_rows(context, _SUFFIXES),
        int_rows(context, _ROOTS),
        Counts(ints(context, _COUNTS), ints(context, _COUNTS + 1), ints(context, _COUNTS + 2), ints(context, _COUNTS + 3)),
        Ranks(ints(context, _RANKS), floats(context, _RANKS + 1), ints(context, _RANKS + 2), ints(context, _RANKS + 3)),
        ints(context, _FREE_PAGES),
        ints(context, _FREE_NOTES),
        int_rows(context, _NOTES),
        int_rows(context, _FILTERS),
        int_rows(context, _FILTER_LINES),
        ints(context, _FREE_FILTERS),
        int_rows(context, _SEALED),
        int_rows(context, _DROPPED),
        ints(context, _COUNTERS),
        context,
    )


@inner
def plan_of(context: Int64s) -> PlanArrays:
    """Returns the plan."""
    return PlanArrays(
        ints(context, _PLAN),
        int_rows(context, _PLAN + 1),
        int_rows(context, _PLAN + 2),
        ints(context, _PLAN + 3),
        int_rows(context, _PLAN + 4),
        ints(context, _PLAN + 5),
        int_rows(context, _PLAN + 6),
        floats(context, _PLAN + 7),
        int_rows(context, _PLAN + 8),
        ints(context, _PLAN + 9),
        ints(context, _PLAN + 10),
        ints(context, _PLAN + 11),
    )
