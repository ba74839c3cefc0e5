"""Tells whether windows have insufficient history: a new feature may look further back than what is retained."""

from features.definitions import window as windows
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import DROPPED_MS, END, HEAD_WORDS, LONG_AGO, UNKNOWN_MS, ProfileSlab
from features.layout.plan_arrays import (
    BEGAN,
    COLUMN,
    FIRST_NUMBER,
    FIRST_UNKNOWN,
    KIND,
    LENGTH,
    MARK_COUNT,
    MARK_HELD,
    MARK_KIND,
    MARK_SPAN,
    MAY_END,
    REACH,
    REACH_MS,
    TAIL,
    WHERE,
    PlanArrays,
)
from features.plan.plan_units import UnitKind
from features.windows.pages import place_before
from features.windows.rows import time_of
from features.windows.window_cursors import calendar_unit
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_DECAYED = int(UnitKind.DECAYED)
_CALENDAR, _SESSION, _LAST = windows.CALENDAR, windows.SESSION, windows.LAST
_HALF_LIVES = 53
"""After so many half-lives a row weighs less than the last bit of a newer one."""


@inner
def lacks_history(slab: ProfileSlab, plan: PlanArrays, slot: int, time_ms: int, stride: int) -> bool:
    """Tells whether some window lacks rows as of the event that was just taken in."""
    unsure_ms = max(slab.heads[slot, DROPPED_MS], slab.heads[slot, UNKNOWN_MS])
    if unsure_ms <= time_ms - plan.numbers[REACH_MS] and plan.numbers[MAY_END] == 0:
        return False
    return some_unit_lacks_rows(slab.context, slot, time_ms, stride)


@outer
def some_unit_lacks_rows(context: Int64s, slot: int, time_ms: int, stride: int) -> bool:
    """Checks each unit; true at once if the event is older than evicted rows, because then no unit can tell."""
    slab, plan = slab_of(context), plan_of(context)
    if time_ms < slab.heads[slot, DROPPED_MS]:
        return True
    for unit in range(len(plan.units)):
        if plan.units[unit, BEGAN] >= 0:
            began = slab.heads[slot, plan.units[unit, BEGAN]]
            if began != 0 and (plan.units[unit, KIND] != _DECAYED or time_ms - began < _HALF_LIVES * plan.units[unit, LENGTH]):
                return True
            continue
        unsure_ms = unknown_until(slab, plan, slot, unit)
        if ends_by_retention(plan, unit):
            if not knows_its_end(slab.context, slot, unit, unsure_ms, stride):
                return True
        elif unsure_ms > time_ms - plan.units[unit, REACH] and not is_whole_unit(slab.context, slot, unit, time_ms, unsure_ms):
            return True
    return False


@inner
def ends_by_retention(plan: PlanArrays, unit: int) -> bool:
    """Tells whether the unit's window is a session or one of N rows."""
    mark = plan.units[unit, TAIL] - len(plan.offsets)
    return bool(mark >= 0 and plan.marks[mark, MARK_KIND] in (_SESSION, _LAST))


@inner
def unknown_until(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int) -> int:
    """Returns the time up to which rows are gone or lack what the unit reads of them."""
    unsure_ms = slab.heads[slot, DROPPED_MS]
    first = plan.numbers[FIRST_UNKNOWN] - plan.numbers[FIRST_NUMBER]
    if plan.units[unit, COLUMN] >= 0:
        unsure_ms = max(unsure_ms, slab.heads[slot, first + plan.units[unit, COLUMN]])
    if plan.units[unit, WHERE] >= 0:
        unsure_ms = max(unsure_ms, slab.heads[slot, first + plan.units[unit, WHERE]])
    return int(unsure_ms)


@outer
def is_whole_unit(context: Int64s, slot: int, unit: int, time_ms: int, unsure_ms: int) -> bool:
    """Tells whether a calendar window began after the time up to which rows are unsure."""
    _slab, plan = slab_of(context), plan_of(context)
    mark = plan.units[unit, TAIL] - len(plan.offsets)
    if mark < 0 or plan.marks[mark, MARK_KIND] != _CALENDAR:
        return False
    return calendar_unit(plan, mark, unsure_ms) < calendar_unit(plan, mark, time_ms)


@outer
def knows_its_end(context: Int64s, slot: int, unit: int, unsure_ms: int, stride: int) -> bool:
    """Tells whether a session or a window of N rows begins where its own rule says, not where retention or history does."""
    slab, plan = slab_of(context), plan_of(context)
    mark = plan.units[unit, TAIL] - len(plan.offsets)
    tail = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
    if tail == END:
        return bool(unsure_ms == LONG_AGO)
    begins_ms = time_of(slab, tail, stride)
    before = place_before(slab, slot, tail)
    if plan.marks[mark, MARK_KIND] == _SESSION:
        older_ms = unsure_ms if before == END else max(unsure_ms, time_of(slab, before, stride))
        return bool(older_ms == LONG_AGO or begins_ms - plan.marks[mark, MARK_SPAN] > older_ms)
    if slab.heads[slot, plan.marks[mark, MARK_HELD]] == plan.marks[mark, MARK_COUNT]:
        return bool(begins_ms > unsure_ms)
    return bool(before == END and unsure_ms == LONG_AGO)
