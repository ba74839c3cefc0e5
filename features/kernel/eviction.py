"""Evicts old history; windows without an end keep what they need of it."""

from features.definitions import window as windows
from features.kernel.id_filter import FEW_ROWS, let_filter_go
from features.kernel.labels import drop_orphans
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import (
    BURST_WORDS,
    DECAYED_WORDS,
    END,
    FILL,
    FIRST,
    HEAD_WORDS,
    LAST,
    ORPHANS,
    PAGE_BITS,
    PAGE_WORDS,
    ROWS,
    TIME,
    ProfileSlab,
)
from features.layout.plan_arrays import EVENTS_MAX, KIND, MARK_KIND, REACH, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.extremes import extreme_evict
from features.windows.pages import drop_first, place_before
from features.windows.rows import time_of, value_of
from features.windows.window_cursors import step, step_counted
from features.windows.window_moves import fold
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_BURST, _DECAYED, _LAST = int(UnitKind.BURST), int(UnitKind.DECAYED), int(UnitKind.LAST)
_UNBOUNDED = windows.UNBOUNDED


@inner
def evict_old(slab: ProfileSlab, plan: PlanArrays, slot: int, oldest_ms: int, stride: int) -> None:
    """Evicts pages with no event after `oldest_ms`, and the oldest page while there are too many rows, with orphans of their times."""
    page = slab.heads[slot, FIRST]
    while page != slab.heads[slot, LAST]:
        newest_ms = slab.pages[page, PAGE_WORDS + (slab.pages[page, FILL] - 1) * stride + TIME]
        if newest_ms > oldest_ms and slab.heads[slot, ROWS] <= plan.numbers[EVENTS_MAX]:
            return
        evict_page(slab.context, slot, page, stride)
        if slab.heads[slot, ORPHANS] >= 0:
            drop_orphans(slab.context, slot, newest_ms)
        drop_first(slab, slot, stride)
        if slab.heads[slot, ROWS] <= FEW_ROWS:
            let_filter_go(slab, slot)
        page = slab.heads[slot, FIRST]


@outer
def evict_page(context: Int64s, slot: int, page: int, stride: int) -> None:
    """Evicts the oldest page: adds its rows to windows without an end, and removes them from windows that still hold them."""
    slab, plan = slab_of(context), plan_of(context)
    last = place_before(slab, slot, END)
    for cursor in range(len(plan.offsets) + len(plan.marks)):
        mark = cursor - len(plan.offsets)
        place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
        while place != END and place >> PAGE_BITS == page:
            if mark >= 0 and plan.marks[mark, MARK_KIND] == _UNBOUNDED:
                for k in range(plan.pass_ends[cursor], plan.pass_ends[cursor + 1]):
                    extreme_evict(slab, plan, slot, plan.passes[k, 1], place, stride)
            if mark >= 0:
                step_counted(slab, plan, slot, mark, last, stride)
            else:
                step(slab, plan, slot, cursor, last, stride)
            place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _LAST and plan.units[unit, REACH] == 0:
            keep_newest(slab, plan, slot, unit, page, stride)
        if plan.units[unit, KIND] in (_BURST, _DECAYED):
            words = BURST_WORDS if plan.units[unit, KIND] == _BURST else DECAYED_WORDS
            for at in range(slab.pages[page, FILL]):
                fold(slab, plan, slot, unit, plan.units[unit, WORD] + words, (page << PAGE_BITS) + at, stride)


@inner
def keep_newest(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, page: int, stride: int) -> None:
    """Keeps the newest value of an evicted page, and its time, for a rewind to before all retained rows."""
    for at in range(slab.pages[page, FILL]):
        place = (page << PAGE_BITS) + at
        value = value_of(slab, plan, unit, place, stride)
        if value == value:
            slab.heads_f[slot, plan.units[unit, WORD] + 3] = value
            slab.heads[slot, plan.units[unit, WORD] + 4] = time_of(slab, place, stride)
