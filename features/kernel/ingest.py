"""Takes in one event at its position: writes its row, advances windows to it, and writes its outputs."""

import math

from features.kernel.dedup import body_word
from features.kernel.id_filter import note_id
from features.kernel.inputs import Answers, Arrivals, row_key
from features.kernel.labels import adopt_orphans
from features.kernel.outputs import write_outputs
from features.kernel.warmth import lacks_history
from features.layout.layout import BLOOM, BLOOM_2, BODY, ID, LABEL, ORDER, ORPHANS, OUTCOME, PAGE_BITS, SCORE, TIME, WARMING, ProfileSlab
from features.layout.plan_arrays import FIRST_NUMBER, STRIDE, PlanArrays
from features.windows.pages import bit_2_of, bit_of, word_of
from features.windows.rows import link
from features.windows.window_cursors import advance, take_in
from foundation.borrowing import inner


@inner
def ingest_event(
    slab: ProfileSlab, plan: PlanArrays, arrivals: Arrivals, answers: Answers, i: int, place: int, last: int, stride: int
) -> None:
    """Takes in event i, whose row is at `place`, after the row at `last`: advances windows, adds it, and writes its outputs."""
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    answers.rows[i] = place
    link(slab, plan, slot, place, stride)
    advance(slab, plan, slot, time_ms, last, stride)
    if slab.heads[slot, ORPHANS] >= 0:
        adopt_orphans(slab.context, slot, place, time_ms, row_key(arrivals, i), arrivals.id_keys[i], stride)
    write_outputs(slab, plan, slot, place, 1, answers.out, i, stride)
    take_in(slab, plan, slot, place, time_ms, stride)
    write_outputs(slab, plan, slot, place, 0, answers.out, i, stride)
    if lacks_history(slab, plan, slot, time_ms, stride):
        answers.flags[i] |= WARMING


@inner
def write_row(slab: ProfileSlab, plan: PlanArrays, arrivals: Arrivals, i: int, place: int, is_user: bool) -> None:
    """Writes event i to its row, without a decision yet."""
    page = place >> PAGE_BITS
    word = word_of(place, plan.numbers[STRIDE])
    slab.pages[page, word + TIME] = arrivals.times_ms[i]
    slab.pages[page, word + ID] = row_key(arrivals, i)
    slab.pages[page, word + ORDER] = arrivals.orders[i]
    slab.pages[page, word + LABEL] = 0
    if is_user:
        slab.pages[page, word + BODY] = body_word(arrivals.body_keys[i], 0)
        slab.pages_f[page, word + SCORE] = math.nan
        slab.pages[page, word + OUTCOME] = 0
        note_id(slab, arrivals.slots[i], row_key(arrivals, i))
    write_values(slab, plan, arrivals, i, place)
    slab.pages[page, BLOOM] |= bit_of(row_key(arrivals, i))
    slab.pages[page, BLOOM_2] |= bit_2_of(row_key(arrivals, i))


@inner
def write_values(slab: ProfileSlab, plan: PlanArrays, arrivals: Arrivals, i: int, place: int) -> None:
    """Writes the columns of event i."""
    first = word_of(place, plan.numbers[STRIDE]) + plan.numbers[FIRST_NUMBER]
    for k in range(arrivals.values.shape[1]):
        slab.pages_f[place >> PAGE_BITS, first + k] = arrivals.values[i, k]
