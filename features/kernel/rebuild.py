"""Rebuilds windows from retained history: under another plan, or where saved bytes do not hold them."""

import math

from features.kernel.rewind import replay
from features.kernel.warmth import unknown_until
from features.layout.kernel_context import arena_of, plan_of
from features.layout.layout import END, FIRST, HEAD_WORDS, LONG_AGO, NEVER, NEWEST, VALUE_WORDS, Arena
from features.layout.plan_arrays import AUX, BEGAN, FIRST_NUMBER, FIRST_UNKNOWN, HEAD, KIND, STRIDE, TAIL, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.extremes import extreme_enter
from features.windows.pages import next_place
from features.windows.ranks import rank_clear
from features.windows.window_moves import change_unit
from foundation.compiled import inner, outer
from foundation.number_arrays import Int64s

_MIN, _MAX, _VALUES, _RANKS = int(UnitKind.MIN), int(UnitKind.MAX), int(UnitKind.VALUES), int(UnitKind.RANKS)


@inner
def reset_windows(arena: Arena, plan: PlanArrays, slot: int) -> None:
    """Empties all windows of a slot."""
    cursors = len(plan.offsets) + len(plan.marks)
    for cursor in range(cursors):
        arena.heads[slot, HEAD_WORDS + 2 * cursor] = END
        arena.heads[slot, HEAD_WORDS + 2 * cursor + 1] = NEVER
    first = plan.numbers[FIRST_UNKNOWN] + plan.numbers[STRIDE] - plan.numbers[FIRST_NUMBER]
    for word in range(first, arena.heads.shape[1]):
        arena.heads[slot, word] = 0
    for extreme in range(arena.edges.shape[1]):
        arena.edges[slot, extreme] = END
        arena.backs[slot, extreme] = math.inf


@inner
def rebuild(arena: Arena, plan: PlanArrays, slot: int, stride: int, sums: bool) -> None:
    """Rebuilds windows from retained rows; without `sums` only those that are not saved: minima, maxima, counted and ranked values."""
    if sums:
        clear(arena.context, slot)
        reset_windows(arena, plan, slot)
        arena.heads[slot, NEWEST] = LONG_AGO
        replay(arena.context, slot, END, stride)
        for unit in range(len(plan.units)):
            if plan.units[unit, BEGAN] >= 0:
                unsure_ms = unknown_until(arena, plan, slot, unit)
                arena.heads[slot, plan.units[unit, BEGAN]] = unsure_ms + 1 if unsure_ms > LONG_AGO else 0
        return
    for unit in range(len(plan.units)):
        kind = plan.units[unit, KIND]
        if kind in (_MIN, _MAX, _VALUES, _RANKS):
            gather(arena.context, slot, unit, stride)


@outer
def gather(context: Int64s, slot: int, unit: int, stride: int) -> None:
    """Rebuilds one unit from the rows of its window."""
    arena, plan = arena_of(context), plan_of(context)
    kind, word = plan.units[unit, KIND], plan.units[unit, WORD]
    tail = arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
    end = arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, HEAD]] if plan.units[unit, HEAD] >= 0 else END
    if kind in (_MIN, _MAX):
        arena.edges[slot, plan.units[unit, AUX]] = tail
        arena.backs[slot, plan.units[unit, AUX]] = math.inf
    else:
        for at in range(VALUE_WORDS if kind == _VALUES else 1):
            arena.heads[slot, word + at] = 0
    place = tail
    while place != END and place != end:
        if kind in (_MIN, _MAX):
            extreme_enter(arena, plan, slot, unit, place, stride)
        else:
            change_unit(arena.context, slot, unit, place, stride, 1.0, 1.0)
        place = next_place(arena, place)


@outer
def clear(context: Int64s, slot: int) -> None:
    """Removes the values of a slot from the tables that all slots share."""
    arena, plan = arena_of(context), plan_of(context)
    stride = plan.numbers[STRIDE]
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _RANKS:
            rank_clear(arena.ranks, arena.roots, slot, plan.units[unit, AUX])
        elif plan.units[unit, KIND] == _VALUES:
            place = arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
            while place != END and arena.heads[slot, FIRST] >= 0:
                change_unit(arena.context, slot, unit, place, stride, -1.0, 0.0)
                place = next_place(arena, place)
