"""Whether the windows know all their rows: a new feature may look further back than what is retained."""

from features import window as windows
from features.batch import Int64s
from features.compiled import inner, outer
from features.cursors import calendar_unit
from features.kernel_context import arena_of, plan_of
from features.layout import DROPPED_MS, END, HEAD_WORDS, UNKNOWN_MS, Arena
from features.plan import (
    BEGAN,
    CARRIES,
    COLUMN,
    FIRST_NUMBER,
    FIRST_UNKNOWN,
    KIND,
    LENGTH,
    MARK_COUNT,
    MARK_HELD,
    MARK_KIND,
    MARK_SPAN,
    REACH,
    REACH_MS,
    TAIL,
    WHERE,
    PlanArrays,
)
from features.plan_units import UnitKind
from features.rows import time_of

_DECAYED = int(UnitKind.DECAYED)
_CALENDAR, _SESSION, _LAST = windows.CALENDAR, windows.SESSION, windows.LAST
_HALF_LIVES = 53
"""After so many a row weighs less than the last bit of a newer one."""


@inner
def is_warming(arena: Arena, plan: PlanArrays, slot: int, time_ms: int, stride: int) -> bool:
    """Whether some window of the event just taken in lacks rows that it should hold."""
    unsure_ms = max(arena.heads[slot, DROPPED_MS], arena.heads[slot, UNKNOWN_MS])
    if unsure_ms <= time_ms - plan.numbers[REACH_MS] and plan.numbers[CARRIES] == 0:
        return False
    return some_unit_warms(arena.context, slot, time_ms, stride)


@outer
def some_unit_warms(context: Int64s, slot: int, time_ms: int, stride: int) -> bool:
    """Looks at each unit, unless the event is older than rows that are gone: then none can tell."""
    arena, plan = arena_of(context), plan_of(context)
    if time_ms < arena.heads[slot, DROPPED_MS]:
        return True
    for unit in range(len(plan.units)):
        if plan.units[unit, BEGAN] >= 0:
            began = arena.heads[slot, plan.units[unit, BEGAN]]
            if began != 0 and (plan.units[unit, KIND] != _DECAYED or time_ms - began < _HALF_LIVES * plan.units[unit, LENGTH]):
                return True
            continue
        unsure_ms = unknown_until(arena, plan, slot, unit)
        if unsure_ms > time_ms - plan.units[unit, REACH] and not knows_all(arena.context, slot, unit, time_ms, unsure_ms, stride):
            return True
    return False


@inner
def unknown_until(arena: Arena, plan: PlanArrays, slot: int, unit: int) -> int:
    """Rows up to this time are gone, or lack what the unit reads of them."""
    unsure_ms = arena.heads[slot, DROPPED_MS]
    first = plan.numbers[FIRST_UNKNOWN] - plan.numbers[FIRST_NUMBER]
    if plan.units[unit, COLUMN] >= 0:
        unsure_ms = max(unsure_ms, arena.heads[slot, first + plan.units[unit, COLUMN]])
    if plan.units[unit, WHERE] >= 0:
        unsure_ms = max(unsure_ms, arena.heads[slot, first + plan.units[unit, WHERE]])
    return int(unsure_ms)


@outer
def knows_all(context: Int64s, slot: int, unit: int, time_ms: int, unsure_ms: int, stride: int) -> bool:
    """Whether a window whose reach goes beyond what is known still begins within it."""
    arena, plan = arena_of(context), plan_of(context)
    mark = plan.units[unit, TAIL] - len(plan.offsets)
    if mark < 0:
        return False
    kind = plan.marks[mark, MARK_KIND]
    if kind == _CALENDAR:
        return calendar_unit(plan, mark, unsure_ms) < calendar_unit(plan, mark, time_ms)
    tail = arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
    if tail == END:
        return False
    begins_ms = time_of(arena, tail, stride)
    if kind == _SESSION:
        return bool(begins_ms - plan.marks[mark, MARK_SPAN] > unsure_ms)
    return begins_ms > unsure_ms and arena.heads[slot, plan.marks[mark, MARK_HELD]] == plan.marks[mark, MARK_COUNT]
