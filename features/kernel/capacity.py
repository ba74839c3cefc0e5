"""Checks whether the tables of values have room for the rows that re-enter windows during a rewind."""

import numpy as np

from features.kernel.rewind import place_as_of
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import END, HEAD_WORDS, NEEDED, ProfileSlab
from features.layout.plan_arrays import COUNTED, KIND, RANKED, TAIL, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.pages import place_before
from features.windows.ranks import free_ranks
from features.windows.value_table import free_counts
from foundation.borrowing import inner, owning
from foundation.number_arrays import Int64s

_VALUES, _RANKS = int(UnitKind.VALUES), int(UnitKind.RANKS)
_ENTRIES = 2
"""A value that enters may need an entry of its own and one for its count."""


@inner
def has_room(slab: ProfileSlab, plan: PlanArrays, slot: int, first: int, stride: int) -> bool:
    """Tells whether windows can be rewound to before the row at `first`; if not, notes in the counters how many entries that needs."""
    if plan.numbers[COUNTED] == 0 and plan.numbers[RANKED] == 0:
        return True
    needed = entries_returning(slab.context, slot, first, stride)
    if needed <= min(free_counts(slab.counts), free_ranks(slab.ranks)):
        return True
    slab.counters[NEEDED] = needed
    return False


@owning
def entries_returning(context: Int64s, slot: int, first: int, stride: int) -> int:
    """Returns the maximum number of entries of the rows that re-enter windows with values."""
    slab, plan = slab_of(context), plan_of(context)
    if first == END:
        return 0
    held = np.zeros(len(plan.marks), np.int64)
    entries = _ENTRIES * (plan.numbers[COUNTED] + plan.numbers[RANKED])
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _VALUES or plan.units[unit, KIND] == _RANKS:
            tail = plan.units[unit, TAIL]
            to = place_as_of(slab.context, slot, tail, first, place_before(slab, slot, first), held, stride)
            place = slab.heads[slot, HEAD_WORDS + 2 * tail]
            while place != to:
                place = place_before(slab, slot, place)
                entries += _ENTRIES
    return int(entries)
