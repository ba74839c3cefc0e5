"""Handles events that belong before so many others that windows are not rewound that far.

The primary entity refuses such an event before anything changes. Other entities refuse nothing: they skip it, and say from then on that a
row is missing.
"""

import math

from features.kernel.inputs import answers_of, arrivals_of
from features.layout.kernel_context import arena_of, plan_of
from features.layout.layout import DROPPED_MS, FILL, LAST, PAGE_WORDS, PREV, TIME, TOO_FAR_BACK, Arena
from features.layout.plan_arrays import BEGAN, IS_USER, REWIND_MAX, PlanArrays
from foundation.compiled import inner, outer
from foundation.number_arrays import Int64s


@inner
def is_far_back(arena: Arena, plan: PlanArrays, slot: int, time_ms: int, stride: int) -> bool:
    """Tells whether more than `rewind_max` rows have the same time or a later one. It reads their pages, up to the bound."""
    page: int = arena.heads[slot, LAST]
    later = 0
    while page >= 0 and later <= plan.numbers[REWIND_MAX]:
        if arena.pages[page, PAGE_WORDS + TIME] < time_ms:
            at = arena.pages[page, FILL] - 1
            while arena.pages[page, PAGE_WORDS + at * stride + TIME] >= time_ms:
                later += 1
                at -= 1
            break
        later += arena.pages[page, FILL]
        page = arena.pages[page, PREV]
    return bool(later > plan.numbers[REWIND_MAX])


@outer
def skip_event(context: Int64s, i: int, lacks: float) -> None:
    """Gives event i no outputs.

    With `lacks` 1, the windows of an entity other than the primary one say from now on that they lack a row.
    """
    arena, plan, arrivals, answers = arena_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot = arrivals.slots[i]
    answers.flags[i] |= TOO_FAR_BACK
    answers.out[i, :] = math.nan
    if plan.numbers[IS_USER] == 0 and lacks == 1.0:
        lost_ms = arrivals.times_ms[i]
        arena.heads[slot, DROPPED_MS] = max(arena.heads[slot, DROPPED_MS], lost_ms)
        for unit in range(len(plan.units)):
            began = plan.units[unit, BEGAN]
            if began >= 0:
                arena.heads[slot, began] = max(arena.heads[slot, began], lost_ms + 1)
