"""Rebuilds windows from retained history: under another plan, or where saved bytes do not hold them."""

import math

from features.kernel.rewind import replay
from features.kernel.warmth import unknown_until
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import END, FIRST, HEAD_WORDS, LONG_AGO, NEVER, NEWEST, VALUE_WORDS, ProfileSlab
from features.layout.plan_arrays import AUX, BEGAN, FIRST_NUMBER, FIRST_UNKNOWN, HEAD, KIND, STRIDE, TAIL, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.extremes import extreme_enter
from features.windows.pages import next_place
from features.windows.ranks import rank_clear
from features.windows.window_moves import change_unit
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_MIN, _MAX, _VALUES, _RANKS = int(UnitKind.MIN), int(UnitKind.MAX), int(UnitKind.VALUES), int(UnitKind.RANKS)


@inner
def reset_windows(slab: ProfileSlab, plan: PlanArrays, slot: int) -> None:
    """Empties all windows of a slot."""
    cursors = len(plan.offsets) + len(plan.marks)
    for cursor in range(cursors):
        slab.heads[slot, HEAD_WORDS + 2 * cursor] = END
        slab.heads[slot, HEAD_WORDS + 2 * cursor + 1] = NEVER
    first = plan.numbers[FIRST_UNKNOWN] + plan.numbers[STRIDE] - plan.numbers[FIRST_NUMBER]
    for word in range(first, slab.heads.shape[1]):
        slab.heads[slot, word] = 0
    for extreme in range(slab.edges.shape[1]):
        slab.edges[slot, extreme] = END
        slab.backs[slot, extreme] = math.inf


@inner
def rebuild(slab: ProfileSlab, plan: PlanArrays, slot: int, stride: int, sums: bool) -> None:
    """Rebuilds windows from retained rows; without `sums` only those that are not saved: minima, maxima, counted and ranked values."""
    if sums:
        clear(slab.context, slot)
        reset_windows(slab, plan, slot)
        slab.heads[slot, NEWEST] = LONG_AGO
        replay(slab.context, slot, END, stride)
        for unit in range(len(plan.units)):
            if plan.units[unit, BEGAN] >= 0:
                unsure_ms = unknown_until(slab, plan, slot, unit)
                slab.heads[slot, plan.units[unit, BEGAN]] = unsure_ms + 1 if unsure_ms > LONG_AGO else 0
        return
    for unit in range(len(plan.units)):
        kind = plan.units[unit, KIND]
        if kind in (_MIN, _MAX, _VALUES, _RANKS):
            gather(slab.context, slot, unit, stride)


@outer
def gather(context: Int64s, slot: int, unit: int, stride: int) -> None:
    """Rebuilds one unit from the rows of its window."""
    slab, plan = slab_of(context), plan_of(context)
    kind, word = plan.units[unit, KIND], plan.units[unit, WORD]
    tail = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
    end = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, HEAD]] if plan.units[unit, HEAD] >= 0 else END
    if kind in (_MIN, _MAX):
        slab.edges[slot, plan.units[unit, AUX]] = tail
        slab.backs[slot, plan.units[unit, AUX]] = math.inf
    else:
        for at in range(VALUE_WORDS if kind == _VALUES else 1):
            slab.heads[slot, word + at] = 0
    place = tail
    while place != END and place != end:
        if kind in (_MIN, _MAX):
            extreme_enter(slab, plan, slot, unit, place, stride)
        else:
            change_unit(slab.context, slot, unit, place, stride, 1.0, 1.0)
        place = next_place(slab, place)


@outer
def clear(context: Int64s, slot: int) -> None:
    """Removes the values of a slot from the tables that all slots share."""
    slab, plan = slab_of(context), plan_of(context)
    stride = plan.numbers[STRIDE]
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _RANKS:
            rank_clear(slab.ranks, slab.roots, slot, plan.units[unit, AUX])
        elif plan.units[unit, KIND] == _VALUES:
            place = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
            while place != END and slab.heads[slot, FIRST] >= 0:
                change_unit(slab.context, slot, unit, place, stride, -1.0, 0.0)
                place = next_place(slab, place)
