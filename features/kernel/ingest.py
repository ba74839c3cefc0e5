"""Takes in one event at its position: writes its row, advances windows to it, and writes its outputs."""

import math

from features.kernel.dedup import body_word
from features.kernel.inputs import Answers, Arrivals, row_key
from features.kernel.labels import adopt_orphans
from features.kernel.outputs import write_outputs
from features.kernel.warmth import lacks_history
from features.layout.layout import BLOOM, BLOOM_2, BODY, ID, LABEL, ORDER, ORPHANS, OUTCOME, PAGE_BITS, SCORE, TIME, WARMING, Arena
from features.layout.plan_arrays import FIRST_NUMBER, STRIDE, PlanArrays
from features.windows.pages import bit_2_of, bit_of, word_of
from features.windows.rows import link
from features.windows.window_cursors import advance, take_in
from foundation.compiled import inner


@inner
def ingest_event(arena: Arena, plan: PlanArrays, arrivals: Arrivals, answers: Answers, i: int, place: int, last: int, stride: int) -> None:
    """Takes in event i, whose row is at `place`, after the row at `last`: advances windows, adds it, and writes its outputs."""
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    answers.rows[i] = place
    link(arena, plan, slot, place, stride)
    advance(arena, plan, slot, time_ms, last, stride)
    if arena.heads[slot, ORPHANS] >= 0:
        adopt_orphans(arena.context, slot, place, time_ms, row_key(arrivals, i), arrivals.id_keys[i], stride)
    write_outputs(arena, plan, slot, place, 1, answers.out, i, stride)
    take_in(arena, plan, slot, place, time_ms, stride)
    write_outputs(arena, plan, slot, place, 0, answers.out, i, stride)
    if lacks_history(arena, plan, slot, time_ms, stride):
        answers.flags[i] |= WARMING


@inner
def write_row(arena: Arena, plan: PlanArrays, arrivals: Arrivals, i: int, place: int, is_user: bool) -> None:
    """Writes event i to its row, without a decision yet."""
    page = place >> PAGE_BITS
    word = word_of(place, plan.numbers[STRIDE])
    arena.pages[page, word + TIME] = arrivals.times_ms[i]
    arena.pages[page, word + ID] = row_key(arrivals, i)
    arena.pages[page, word + ORDER] = arrivals.orders[i]
    arena.pages[page, word + LABEL] = 0
    if is_user:
        arena.pages[page, word + BODY] = body_word(arrivals.body_keys[i], 0)
        arena.pages_f[page, word + SCORE] = math.nan
        arena.pages[page, word + OUTCOME] = 0
    write_values(arena, plan, arrivals, i, place)
    arena.pages[page, BLOOM] |= bit_of(row_key(arrivals, i))
    arena.pages[page, BLOOM_2] |= bit_2_of(row_key(arrivals, i))


@inner
def write_values(arena: Arena, plan: PlanArrays, arrivals: Arrivals, i: int, place: int) -> None:
    """Writes the columns of event i."""
    first = word_of(place, plan.numbers[STRIDE]) + plan.numbers[FIRST_NUMBER]
    for k in range(arrivals.values.shape[1]):
        arena.pages_f[place >> PAGE_BITS, first + k] = arrivals.values[i, k]
