"""Handles events that belong before so many others that windows are not rewound that far.

The primary entity refuses such an event before anything changes. Other entities refuse nothing: they skip it, and say from then on that a
row is missing.
"""

import math

from features.kernel.inputs import answers_of, arrivals_of
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import DROPPED_MS, FILL, LAST, PAGE_WORDS, PREV, TIME, TOO_FAR_BACK, ProfileSlab
from features.layout.plan_arrays import BEGAN, IS_USER, REWIND_MAX, PlanArrays
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s


@inner
def is_far_back(slab: ProfileSlab, plan: PlanArrays, slot: int, time_ms: int, stride: int) -> bool:
    """Tells whether more than `rewind_max` rows have the same time or a later one. It reads their pages, up to the bound."""
    page: int = slab.heads[slot, LAST]
    later = 0
    while page >= 0 and later <= plan.numbers[REWIND_MAX]:
        if slab.pages[page, PAGE_WORDS + TIME] < time_ms:
            at = slab.pages[page, FILL] - 1
            while slab.pages[page, PAGE_WORDS + at * stride + TIME] >= time_ms:
                later += 1
                at -= 1
            break
        later += slab.pages[page, FILL]
        page = slab.pages[page, PREV]
    return bool(later > plan.numbers[REWIND_MAX])


@outer
def skip_event(context: Int64s, i: int, lacks: float) -> None:
    """Gives event i no outputs.

    With `lacks` 1, the windows of an entity other than the primary one say from now on that they lack a row.
    """
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot = arrivals.slots[i]
    answers.flags[i] |= TOO_FAR_BACK
    answers.out[i, :] = math.nan
    if plan.numbers[IS_USER] == 0 and lacks == 1.0:
        lost_ms = arrivals.times_ms[i]
        slab.heads[slot, DROPPED_MS] = max(slab.heads[slot, DROPPED_MS], lost_ms)
        for unit in range(len(plan.units)):
            began = plan.units[unit, BEGAN]
            if began >= 0:
                slab.heads[slot, began] = max(slab.heads[slot, began], lost_ms + 1)
