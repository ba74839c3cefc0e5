"""Advances windows to the newest event: cursors step over rows, which enter windows and leave them."""

from features.definitions import window as windows
from features.definitions.zone_table import unit_of
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import END, HEAD_WORDS, NEVER, NEWEST, ProfileSlab
from features.layout.plan_arrays import (
    MARK_CHANGES,
    MARK_CHANGES_END,
    MARK_COUNT,
    MARK_HELD,
    MARK_KIND,
    MARK_SPAN,
    MARK_UNIT,
    MARK_WHERE,
    RETENTION,
    PlanArrays,
)
from features.windows.pages import next_place
from features.windows.rows import due_of, is_counted, link, time_of
from features.windows.window_moves import enter, leave
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_CALENDAR, _SESSION, _LAST = windows.CALENDAR, windows.SESSION, windows.LAST


@inner
def advance(slab: ProfileSlab, plan: PlanArrays, slot: int, time_ms: int, last: int, stride: int) -> None:
    """Advances every cursor to `time_ms`. `last` is the newest row taken in; rows after it have not happened yet.

    Offsets ascend, so that a row enters a delayed window before it can leave it.
    """
    for cursor in range(len(plan.offsets)):
        limit = time_ms - plan.offsets[cursor]
        while slab.heads[slot, HEAD_WORDS + 2 * cursor + 1] <= limit:
            step(slab, plan, slot, cursor, last, stride)
    if len(plan.marks):
        advance_marks(slab.context, slot, time_ms, last, stride)


@inner
def step(slab: ProfileSlab, plan: PlanArrays, slot: int, cursor: int, last: int, stride: int) -> None:
    """Moves a cursor over its row: the row enters or leaves the cursor's units."""
    at = HEAD_WORDS + 2 * cursor
    place = slab.heads[slot, at]
    for k in range(plan.pass_ends[cursor], plan.pass_ends[cursor + 1]):
        if plan.passes[k, 2] > 0:
            enter(slab, plan, slot, plan.passes[k, 1], place, stride)
        else:
            leave(slab, plan, slot, plan.passes[k, 1], place, last, stride)
    following = END if place == last else next_place(slab, place)
    slab.heads[slot, at] = following
    slab.heads[slot, at + 1] = due_of(slab, following, stride)


@outer
def advance_marks(context: Int64s, slot: int, time_ms: int, last: int, stride: int) -> None:
    """Advances the non-sliding cursors."""
    slab, plan = slab_of(context), plan_of(context)
    for mark in range(len(plan.marks)):
        kind, cursor = plan.marks[mark, MARK_KIND], len(plan.offsets) + mark
        due = HEAD_WORDS + 2 * cursor + 1
        if kind == _CALENDAR:
            if slab.heads[slot, due] == NEVER:
                continue
            unit = calendar_unit(plan, mark, time_ms)
            while slab.heads[slot, due] != NEVER and calendar_unit(plan, mark, slab.heads[slot, due]) < unit:
                step(slab, plan, slot, cursor, last, stride)
        elif kind in (_SESSION, _LAST):
            limit = time_ms - plan.numbers[RETENTION]
            if kind == _SESSION and last != END and time_ms - time_of(slab, last, stride) > plan.marks[mark, MARK_SPAN]:
                limit = time_ms
            while slab.heads[slot, due] <= limit:
                step_counted(slab, plan, slot, mark, last, stride)


@inner
def calendar_unit(plan: PlanArrays, mark: int, time_ms: int) -> int:
    """Returns the number of the calendar unit of `time_ms`."""
    begin, end = plan.marks[mark, MARK_CHANGES], plan.marks[mark, MARK_CHANGES_END]
    return unit_of(plan.changes, plan.shifts, begin, end, plan.marks[mark, MARK_UNIT], time_ms)


@inner
def step_counted(slab: ProfileSlab, plan: PlanArrays, slot: int, mark: int, last: int, stride: int) -> None:
    """Does the same as `step`, and also counts the rows of a window of N rows."""
    cursor = len(plan.offsets) + mark
    if plan.marks[mark, MARK_KIND] == _LAST:
        place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
        slab.heads[slot, plan.marks[mark, MARK_HELD]] -= is_counted(slab, place, plan.marks[mark, MARK_WHERE], stride)
    step(slab, plan, slot, cursor, last, stride)


@inner
def take_in(slab: ProfileSlab, plan: PlanArrays, slot: int, place: int, time_ms: int, stride: int) -> None:
    """Adds the row at `place`, now the newest, to windows without delay; cursors at the end point to it."""
    for cursor in range(len(plan.offsets) + len(plan.marks)):
        at = HEAD_WORDS + 2 * cursor
        if slab.heads[slot, at] == END:
            slab.heads[slot, at] = place
            slab.heads[slot, at + 1] = time_ms
    for extreme in range(slab.edges.shape[1]):
        if slab.edges[slot, extreme] == END:
            slab.edges[slot, extreme] = place
    for k in range(len(plan.live)):
        enter(slab, plan, slot, plan.live[k], place, stride)
    if len(plan.marks):
        trim(slab.context, slot, place, stride)
    slab.heads[slot, NEWEST] = time_ms


@outer
def trim(context: Int64s, slot: int, place: int, stride: int) -> None:
    """Removes the oldest rows from windows of N rows once the newest, at `place`, has entered."""
    slab, plan = slab_of(context), plan_of(context)
    for mark in range(len(plan.marks)):
        if plan.marks[mark, MARK_KIND] == _LAST:
            held = plan.marks[mark, MARK_HELD]
            slab.heads[slot, held] += is_counted(slab, place, plan.marks[mark, MARK_WHERE], stride)
            while slab.heads[slot, held] > plan.marks[mark, MARK_COUNT]:
                step_counted(slab, plan, slot, mark, place, stride)


@outer
def take_in_order(context: Int64s, slot: int, place: int, last: int, stride: int) -> None:
    """Advances to the row at `place`, which follows the one at `last`, and takes it in; used for rows that were there before."""
    slab, plan = slab_of(context), plan_of(context)
    time_ms = time_of(slab, place, stride)
    link(slab, plan, slot, place, stride)
    advance(slab, plan, slot, time_ms, last, stride)
    take_in(slab, plan, slot, place, time_ms, stride)
