"""History that is old enough goes; windows without an end keep what they must of it."""

from features import window as windows
from features.batch import Int64s
from features.burst import BURST_WORDS, burst_step
from features.compiled import inner, outer
from features.cursors import step
from features.extremes import extreme_let_go
from features.history import drop_first
from features.kernel_context import arena_of, plan_of
from features.layout import END, FILL, FIRST, HEAD_WORDS, LAST, PAGE_BITS, PAGE_WORDS, TIME, Arena
from features.plan import KIND, LENGTH, LIMIT, MARK_KIND, WORD, PlanArrays
from features.plan_units import UnitKind
from features.rows import time_of, value_of

_BURST, _UNBOUNDED = int(UnitKind.BURST), windows.UNBOUNDED


@inner
def drop_old(arena: Arena, plan: PlanArrays, slot: int, oldest_ms: int, stride: int) -> None:
    """Lets go of pages whose every event is at or before `oldest_ms`."""
    page = arena.heads[slot, FIRST]
    while page != arena.heads[slot, LAST] and arena.pages[page, PAGE_WORDS + (arena.pages[page, FILL] - 1) * stride + TIME] <= oldest_ms:
        let_go(arena.context, slot, page, stride)
        drop_first(arena, slot, stride)
        page = arena.heads[slot, FIRST]


@outer
def let_go(context: Int64s, slot: int, page: int, stride: int) -> None:
    """Folds the oldest page into the windows that have no end."""
    arena, plan = arena_of(context), plan_of(context)
    for mark in range(len(plan.marks)):
        cursor = len(plan.offsets) + mark
        if plan.marks[mark, MARK_KIND] == _UNBOUNDED:
            place = arena.heads[slot, HEAD_WORDS + 2 * cursor]
            while place != END and place >> PAGE_BITS == page:
                for k in range(plan.pass_ends[cursor], plan.pass_ends[cursor + 1]):
                    extreme_let_go(arena, plan, slot, plan.passes[k, 1], place, stride)
                step(
                    arena,
                    plan,
                    slot,
                    cursor,
                    (arena.heads[slot, LAST] << PAGE_BITS) + arena.pages[arena.heads[slot, LAST], FILL] - 1,
                    stride,
                )
                place = arena.heads[slot, HEAD_WORDS + 2 * cursor]
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _BURST:
            for at in range(arena.pages[page, FILL]):
                place = (page << PAGE_BITS) + at
                if value_of(arena, plan, unit, place, stride) == 0.0:
                    word, limit = plan.units[unit, WORD] + BURST_WORDS, float(plan.units[unit, LIMIT])
                    burst_step(arena.heads_f, slot, word, time_of(arena, place, stride), plan.units[unit, LENGTH], limit)
