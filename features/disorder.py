"""Late events of a profile: what the windows held at their place in the order, and what they change since.

The windows of the newest event are wound back to the late one, row by row: the cost is what came between the two, not what
the windows hold. Minima, maxima and labels heard since cannot be wound back; then the windows are scanned.
"""

import math

import numpy as np

from features.batch import Float64s
from features.compiled import inner
from features.history import next_place, place_before, word_of
from features.layout import END, HEAD_WORDS, HEARD, LABEL, NEVER, NEWEST, PAGE_BITS, TIME, Arena
from features.plan import UNIT_MAX, UNIT_MIN, PlanArrays
from features.units import unit_enter, unit_value
from features.windows import COLUMN, DELAY, EXTREME, KIND, LENGTH, WORD, enter, label_state, rebuild, value_of


@inner
def enter_scan(
    arena: Arena, plan: PlanArrays, place: int, event_ms: int, stride: int, words: Float64s, least: Float64s, only_live: bool
) -> None:
    """The row at `place` enters the windows, as of `event_ms`, that `words` and `least` gather."""
    word = word_of(place, stride)
    page = place >> PAGE_BITS
    time_ms = arena.pages[page, word + TIME]
    state = label_state(arena.pages[page, word + LABEL], event_ms)
    for unit in range(len(plan.units)):
        upper = event_ms - plan.units[unit, DELAY]
        if not upper - plan.units[unit, LENGTH] < time_ms <= upper or (only_live and plan.units[unit, DELAY] != 0):
            continue
        value = value_of(arena, place, word, plan.units[unit, COLUMN])
        if plan.units[unit, EXTREME] < 0:
            unit_enter(words, 0, plan.units[unit, WORD], plan.units[unit, KIND], value, state, 1.0)
        else:
            signed = 0.0 - value if plan.units[unit, KIND] == UNIT_MAX else value
            if signed < least[plan.units[unit, EXTREME]]:  # never so for NaN
                least[plan.units[unit, EXTREME]] = signed


@inner
def give_out_scan(plan: PlanArrays, words: Float64s, least: Float64s, before: int, out: Float64s, i: int) -> None:
    """As `give_out`, from gathered sums."""
    for at in range(len(plan.outputs)):
        if plan.outputs[at, 2] != before:
            continue
        unit = plan.outputs[at, 0]
        if plan.units[unit, KIND] == UNIT_MIN or plan.units[unit, KIND] == UNIT_MAX:
            value = least[plan.units[unit, EXTREME]]
            out[i, at] = math.nan if value == math.inf else (value if plan.units[unit, KIND] == UNIT_MIN else 0.0 - value) / plan.scales[at]
        else:
            out[i, at] = unit_value(words, 0, plan.units[unit, WORD], plan.outputs[at, 1]) / plan.scales[at]


@inner
def scan(arena: Arena, plan: PlanArrays, slot: int, place: int, event_ms: int, stride: int, words: Float64s, least: Float64s) -> None:
    """Gathers the windows of the event at `place`, without itself, from all rows before it."""
    oldest = event_ms - plan.offsets[-1] if len(plan.offsets) else event_ms
    row = place_before(arena, slot, place)
    while row != END and arena.pages[row >> PAGE_BITS, word_of(row, stride) + TIME] > oldest:
        enter_scan(arena, plan, row, event_ms, stride, words, least, False)
        row = place_before(arena, slot, row)


@inner
def move(arena: Arena, plan: PlanArrays, unit: int, row: int, stride: int, words: Float64s, sign: float) -> None:
    """The row enters (1) or leaves (-1) the gathered sums of `unit`."""
    word = word_of(row, stride)
    state = label_state(arena.pages[row >> PAGE_BITS, word + LABEL], NEVER)
    value = value_of(arena, row, word, plan.units[unit, COLUMN])
    unit_enter(words, 0, plan.units[unit, WORD], plan.units[unit, KIND], value, state, sign)


@inner
def wind_back(arena: Arena, plan: PlanArrays, slot: int, place: int, event_ms: int, stride: int, counted: bool, words: Float64s) -> None:
    """Turns the sums of the newest event into those of the event at `place`, without itself; it is `counted` in them or not.

    Rows that have left since enter before others leave: a sum that runs empty on the way would lose its rest.
    """
    for word in range(words.shape[1]):
        words[0, word] = arena.heads_f[slot, word]
    for sign in (-1, 1):
        for cursor in range(len(plan.offsets)):
            row = place_before(arena, slot, arena.heads[slot, HEAD_WORDS + 2 * cursor])
            while row != END and arena.pages[row >> PAGE_BITS, word_of(row, stride) + TIME] > event_ms - plan.offsets[cursor]:
                for k in range(plan.pass_ends[cursor], plan.pass_ends[cursor + 1]):
                    if plan.passes[k, 2] == sign and (counted or row != place):
                        move(arena, plan, plan.passes[k, 1], row, stride, words, -1.0 * sign)
                row = place_before(arena, slot, row)
    row = place_before(arena, slot, END)
    while row != place:
        for k in range(len(plan.live)):
            move(arena, plan, plan.live[k], row, stride, words, -1.0)
        row = place_before(arena, slot, row)
    if counted:
        for k in range(len(plan.live)):
            move(arena, plan, plan.live[k], place, stride, words, -1.0)


@inner
def give_out_as_of(
    arena: Arena, plan: PlanArrays, slot: int, place: int, stride: int, counted: bool, out: Float64s, i: int
) -> None:
    """All outputs of the retained event at `place`, as of its own place in the order. `counted`: the windows know it already."""
    event_ms = arena.pages[place >> PAGE_BITS, word_of(place, stride) + TIME]
    words = np.zeros((1, arena.heads.shape[1]))
    least = np.full(arena.edges.shape[1], math.inf)
    if arena.edges.shape[1] == 0 and arena.heads[slot, HEARD] <= event_ms:
        wind_back(arena, plan, slot, place, event_ms, stride, counted, words)
    else:
        scan(arena, plan, slot, place, event_ms, stride, words, least)
    give_out_scan(plan, words, least, 1, out, i)
    enter_scan(arena, plan, place, event_ms, stride, words, least, True)
    give_out_scan(plan, words, least, 0, out, i)


@inner
def settle(arena: Arena, plan: PlanArrays, slot: int, place: int, stride: int) -> None:
    """The late row at `place` enters the windows of the newest event, where it is in them."""
    time_ms = arena.pages[place >> PAGE_BITS, word_of(place, stride) + TIME]
    newest = arena.heads[slot, NEWEST]
    behind = next_place(arena, place)
    for cursor in range(len(plan.offsets)):
        at = HEAD_WORDS + 2 * cursor
        if arena.heads[slot, at] == behind and time_ms > newest - plan.offsets[cursor]:
            arena.heads[slot, at] = place
            arena.heads[slot, at + 1] = time_ms
    for unit in range(len(plan.units)):
        upper = newest - plan.units[unit, DELAY]
        if plan.units[unit, EXTREME] < 0 and upper - plan.units[unit, LENGTH] < time_ms <= upper:
            enter(arena, plan, slot, unit, place, stride, NEVER)
    if arena.edges.shape[1]:
        rebuild(arena, plan, slot, stride, False)
