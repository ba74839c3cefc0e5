"""Rewinds windows to just before an event: adds back rows that have left, removes newer ones, and replays.

This serves late events, corrections and retractions. Rows that have left a window since re-enter at its old end, and rows that have entered
since leave at its new end. Then the event is taken in as if it had come in order, and the rows after it are replayed (`replay`). The cost
is that of the rows after it, and of the few that left meanwhile; for minima, maxima, decayed sums and `burst`, which cannot always run
backwards, it is at worst that of the window.
"""

import math

import numpy as np

from features.definitions import window as windows
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import BURST_WORDS, DECAYED_WORDS, END, FIRST, HEAD_WORDS, NEVER, NEWEST, PAGE_BITS
from features.layout.plan_arrays import (
    AUX,
    HEAD,
    KIND,
    MARK_COUNT,
    MARK_HELD,
    MARK_KIND,
    MARK_SPAN,
    MARK_WHERE,
    REACH,
    RETENTION,
    TAIL,
    WORD,
)
from features.plan.plan_units import UnitKind
from features.windows.decayed import WEIGHTS
from features.windows.extremes import move_edge, recompute_back, signed_value
from features.windows.pages import next_place, place_before
from features.windows.rows import due_of, is_counted, time_of, value_of
from features.windows.window_cursors import calendar_unit, take_in_order
from features.windows.window_moves import fold, reenter, undo_enter
from foundation.borrowing import outer, owning
from foundation.number_arrays import Int64s

_MIN, _MAX, _LAST_UNIT, _BURST = int(UnitKind.MIN), int(UnitKind.MAX), int(UnitKind.LAST), int(UnitKind.BURST)
_DECAYED = int(UnitKind.DECAYED)
_LIGHT = 2.0**-40
"""Sums of 106 bits that lose all but this share of their weight no longer hold the rest exactly."""
_CALENDAR, _SESSION, _LAST = windows.CALENDAR, windows.SESSION, windows.LAST


@owning
def rewind(context: Int64s, slot: int, first: int, stride: int) -> None:
    """Rewinds the windows to before the row at `first` entered; `END`, the position after the newest row, changes nothing."""
    slab, plan = slab_of(context), plan_of(context)
    if first == END:
        return
    last = place_before(slab, slot, first)
    cursors = len(plan.offsets) + len(plan.marks)
    cut = np.zeros(slab.edges.shape[1], np.int64)  # for each extreme: 1 if its back part changes, 2 if its edge does
    to = np.empty(cursors, np.int64)
    held = np.zeros(len(plan.marks), np.int64)
    weights = np.zeros(len(plan.units))  # weights of decayed sums before
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _DECAYED:
            weights[unit] = slab.heads_f[slot, plan.units[unit, WORD] + WEIGHTS]
    for cursor in range(cursors):
        to[cursor] = place_as_of(slab.context, slot, cursor, first, last, held, stride)
    for sign in (-1, 1):
        for cursor in range(cursors):
            rewind_cursor(slab.context, slot, cursor, to[cursor], sign, cut, stride)
    undo_live(slab.context, slot, first, cut, stride)
    for cursor in range(cursors):
        at = HEAD_WORDS + 2 * cursor
        slab.heads[slot, at] = END if last == END else to[cursor]
        slab.heads[slot, at + 1] = NEVER if last == END else due_of(slab, to[cursor], stride)
    for mark in range(len(plan.marks)):
        if plan.marks[mark, MARK_HELD] >= 0:
            slab.heads[slot, plan.marks[mark, MARK_HELD]] = held[mark]
    for unit in range(len(plan.units)):
        repair(slab.context, slot, unit, first, last, cut, weights[unit], stride)
    slab.heads[slot, NEWEST] = time_of(slab, last, stride)


@outer
def replay(context: Int64s, slot: int, last: int, stride: int) -> None:
    """Takes in again the rows after the one at `last`."""
    slab, _plan = slab_of(context), plan_of(context)
    place = slab.heads[slot, FIRST] << PAGE_BITS if last == END else next_place(slab, last)
    if place < 0:
        return
    while place != END:
        take_in_order(slab.context, slot, place, last, stride)
        last = place
        place = next_place(slab, place)


@outer
def rewind_cursor(context: Int64s, slot: int, cursor: int, to: int, sign: int, cut: Int64s, stride: int) -> None:
    """Rewinds a cursor to `to`: its rows re-enter windows that end at it (-1), or leave delayed windows that begin at it (1)."""
    slab, plan = slab_of(context), plan_of(context)
    place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
    while place != to:
        place = place_before(slab, slot, place)
        for k in range(plan.pass_ends[cursor], plan.pass_ends[cursor + 1]):
            if plan.passes[k, 2] == sign:
                unit = plan.passes[k, 1]
                if sign < 0:
                    reenter(slab, plan, slot, unit, place, stride)
                elif plan.units[unit, KIND] == _MIN or plan.units[unit, KIND] == _MAX:
                    cut[plan.units[unit, AUX]] = 2
                else:
                    undo_enter(slab, plan, slot, unit, place, stride)


@outer
def place_as_of(context: Int64s, slot: int, cursor: int, first: int, last: int, held: Int64s, stride: int) -> int:
    """Returns where the cursor stood when `last`, the row before `first`, was the newest; notes the rows held by windows of N."""
    slab, plan = slab_of(context), plan_of(context)
    if last == END:
        return first
    place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
    last_ms = time_of(slab, last, stride)
    if cursor < len(plan.offsets):
        before = place_before(slab, slot, place)
        while before != END and time_of(slab, before, stride) > last_ms - plan.offsets[cursor]:
            place = before
            before = place_before(slab, slot, place)
        return int(place)
    mark = cursor - len(plan.offsets)
    kind = plan.marks[mark, MARK_KIND]
    if kind == _CALENDAR:
        unit = calendar_unit(plan, mark, last_ms)
        before = place_before(slab, slot, place)
        while before != END and calendar_unit(plan, mark, time_of(slab, before, stride)) >= unit:
            place = before
            before = place_before(slab, slot, place)
        return int(place)
    if kind in (_SESSION, _LAST):
        return counted_place_as_of(slab.context, slot, mark, first, last, held, stride)
    return int(place)


@outer
def counted_place_as_of(context: Int64s, slot: int, mark: int, first: int, last: int, held: Int64s, stride: int) -> int:
    """Returns the same for a session or a window of N rows; for the latter also notes how many rows it held."""
    slab, plan = slab_of(context), plan_of(context)
    cursor = len(plan.offsets) + mark
    place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
    is_last, where = plan.marks[mark, MARK_KIND] == _LAST, plan.marks[mark, MARK_WHERE]
    count = slab.heads[slot, plan.marks[mark, MARK_HELD]] if is_last else 0
    future = place == END
    row = place_before(slab, slot, END)
    while row != last:  # rows that have not happened yet: does the window hold only these?
        if not future:
            count -= is_counted(slab, row, where, stride)
        future = future or row == place
        row = place_before(slab, slot, row)
    if future:
        place = first
        count = 0
    limit = time_of(slab, last, stride) - plan.numbers[RETENTION]
    before = place_before(slab, slot, place)
    while before != END and time_of(slab, before, stride) > limit:
        if is_last and count == plan.marks[mark, MARK_COUNT]:
            break
        if not is_last and place != first and time_of(slab, place, stride) - time_of(slab, before, stride) > plan.marks[mark, MARK_SPAN]:
            break
        count += is_counted(slab, before, where, stride)
        place = before
        before = place_before(slab, slot, place)
    held[mark] = count
    return int(place)


@outer
def undo_live(context: Int64s, slot: int, first: int, cut: Int64s, stride: int) -> None:
    """Removes the rows from the newest back to `first` from windows without delay."""
    slab, plan = slab_of(context), plan_of(context)
    place = END
    while place != first:
        place = place_before(slab, slot, place)
        for k in range(len(plan.live)):
            unit = plan.live[k]
            kind, extreme = plan.units[unit, KIND], plan.units[unit, AUX]
            if kind != _MIN and kind != _MAX:
                undo_enter(slab, plan, slot, unit, place, stride)
            elif slab.edges[slot, extreme] == place or slab.edges[slot, extreme] == END:
                cut[extreme] = 2
            elif cut[extreme] == 0 and signed_value(slab, plan, unit, place, stride) <= slab.backs[slot, extreme]:
                cut[extreme] = 1


@outer
def repair(context: Int64s, slot: int, unit: int, first: int, last: int, cut: Int64s, weight: float, stride: int) -> None:
    """Recomputes what cannot run backwards, as of the row at `last`; `weight` is the earlier weight of decayed sums."""
    slab, plan = slab_of(context), plan_of(context)
    kind = plan.units[unit, KIND]
    if kind in (_MIN, _MAX):
        extreme = plan.units[unit, AUX]
        tail = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
        edge = END if plan.units[unit, HEAD] < 0 else slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, HEAD]]
        if last == END or tail == edge:
            slab.edges[slot, extreme] = edge
            slab.backs[slot, extreme] = math.inf
        elif cut[extreme] == 2:
            move_edge(slab.context, slot, unit, tail, last, stride)
        elif cut[extreme] == 1:
            recompute_back(slab.context, slot, unit, last, stride)
    elif kind == _LAST_UNIT:
        refind_newest(slab.context, slot, unit, first, last, stride)
    elif kind == _BURST or (kind == _DECAYED and slab.heads_f[slot, plan.units[unit, WORD] + WEIGHTS] < _LIGHT * weight):
        refold(slab.context, slot, unit, last, stride)


@outer
def refind_newest(context: Int64s, slot: int, unit: int, first: int, last: int, stride: int) -> None:
    """Finds the newest row with a value again, unless the known one has stayed.

    A window without an end also knows the newest of the evicted rows.
    """
    slab, plan = slab_of(context), plan_of(context)
    word = plan.units[unit, WORD]
    if slab.heads_f[slot, word] <= 0.0 or slab.heads[slot, word + 2] < time_of(slab, first, stride):
        return
    value = math.nan
    place = last
    while place != END:
        value = value_of(slab, plan, unit, place, stride)
        if value == value:
            break
        place = place_before(slab, slot, place)
    slab.heads_f[slot, word + 1] = value
    slab.heads[slot, word + 2] = time_of(slab, place, stride)
    if place == END and plan.units[unit, REACH] == 0:
        slab.heads[slot, word + 1] = slab.heads[slot, word + 3]
        slab.heads[slot, word + 2] = slab.heads[slot, word + 4]


@outer
def refold(context: Int64s, slot: int, unit: int, last: int, stride: int) -> None:
    """Recomputes a burst or decayed sums: from the state after the evicted rows, over the rows retained up to `last`."""
    slab, plan = slab_of(context), plan_of(context)
    word = plan.units[unit, WORD]
    words = BURST_WORDS if plan.units[unit, KIND] == _BURST else DECAYED_WORDS
    for at in range(words):
        slab.heads[slot, word + at] = slab.heads[slot, word + words + at]
    place = slab.heads[slot, FIRST] << PAGE_BITS
    while last != END:
        fold(slab, plan, slot, unit, word, place, stride)
        if place == last:
            break
        place = next_place(slab, place)
