"""Windows of one profile: cursors that move with the newest event, and what that does to the running sums."""

import math

from features.batch import Float64s
from features.compiled import inner
from features.history import next_place, place_before, word_of
from features.layout import END, FILL, FIRST, HEAD_WORDS, LABEL, NEVER, NEWEST, NEXT, PAGE, PAGE_BITS, PAGE_WORDS, TIME, Arena
from features.plan import MAX, MIN, UNIT_MAX, PlanArrays
from features.units import unit_enter, unit_value

KIND, COLUMN, WORD, EXTREME, HEAD, TAIL, LENGTH, DELAY = range(8)


@inner
def label_state(label: int, time_ms: int) -> int:
    """0 unlabelled, 1 negative, 2 positive, as seen at `time_ms`. The stored label is visible_ms * 4 + 2 + positive."""
    return 1 + (label & 1) if label != 0 and (label >> 2) <= time_ms else 0


@inner
def value_of(arena: Arena, place: int, word: int, column: int) -> float:
    """The number of a row; adding 0 turns -0 into 0, so that which of two equal values came first never shows."""
    return arena.pages_f[place >> PAGE_BITS, word + column] + 0.0 if column >= 0 else 0.0


@inner
def reset_units(arena: Arena, plan: PlanArrays, slot: int) -> None:
    """Empties all windows."""
    cursors = len(plan.offsets)
    for cursor in range(cursors):
        arena.heads[slot, HEAD_WORDS + 2 * cursor] = END
        arena.heads[slot, HEAD_WORDS + 2 * cursor + 1] = NEVER
    for word in range(HEAD_WORDS + 2 * cursors, arena.heads.shape[1]):
        arena.heads[slot, word] = 0
    for extreme in range(arena.edges.shape[1]):
        arena.edges[slot, extreme] = END


@inner
def enter(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, stride: int, now_ms: int) -> None:
    """The row at `place` enters the window of `unit`."""
    word = word_of(place, stride)
    value = value_of(arena, place, word, plan.units[unit, COLUMN])
    if plan.units[unit, EXTREME] < 0:
        state = label_state(arena.pages[place >> PAGE_BITS, word + LABEL], now_ms)
        unit_enter(arena.heads_f, slot, plan.units[unit, WORD], plan.units[unit, KIND], value, state, 1.0)
        return
    least = 0.0 - value if plan.units[unit, KIND] == UNIT_MAX else value
    if least < arena.backs[slot, plan.units[unit, EXTREME]]:  # never so for NaN
        arena.backs[slot, plan.units[unit, EXTREME]] = least


@inner
def leave(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, stride: int, now_ms: int) -> None:
    """The row at `place`, the oldest of the window of `unit`, leaves it."""
    if plan.units[unit, EXTREME] >= 0:
        if arena.edges[slot, plan.units[unit, EXTREME]] == place:
            turn_over(arena, plan, slot, unit, place, stride)
        return
    word = word_of(place, stride)
    state = label_state(arena.pages[place >> PAGE_BITS, word + LABEL], now_ms)
    value = value_of(arena, place, word, plan.units[unit, COLUMN])
    unit_enter(arena.heads_f, slot, plan.units[unit, WORD], plan.units[unit, KIND], value, state, -1.0)


@inner
def turn_over(arena: Arena, plan: PlanArrays, slot: int, unit: int, tail: int, stride: int) -> None:
    """The front part of a min or max window is used up: the back part becomes the front, with its least value from each row on."""
    edge = END if plan.units[unit, HEAD] < 0 else arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, HEAD]]
    extremes = arena.edges.shape[1]
    least = math.inf
    place = edge
    while place != tail:
        place = place_before(arena, slot, place)
        value = value_of(arena, place, word_of(place, stride), plan.units[unit, COLUMN])
        if plan.units[unit, KIND] == UNIT_MAX:
            value = 0.0 - value
        if value < least:  # never so for NaN
            least = value
        arena.suffixes[place >> PAGE_BITS, (place & (PAGE - 1)) * extremes + plan.units[unit, EXTREME]] = least
    arena.edges[slot, plan.units[unit, EXTREME]] = edge
    arena.backs[slot, plan.units[unit, EXTREME]] = math.inf


@inner
def advance(arena: Arena, plan: PlanArrays, slot: int, time_ms: int, stride: int) -> None:
    """Moves every cursor to `time_ms`. Ascending offsets: a row enters a delayed window before it can leave it."""
    for cursor in range(len(plan.offsets)):
        at = HEAD_WORDS + 2 * cursor
        limit = time_ms - plan.offsets[cursor]
        if arena.heads[slot, at + 1] > limit:
            continue
        place = arena.heads[slot, at]
        due = arena.heads[slot, at + 1]
        while due <= limit:
            for k in range(plan.pass_ends[cursor], plan.pass_ends[cursor + 1]):
                if plan.passes[k, 2] > 0:
                    enter(arena, plan, slot, plan.passes[k, 1], place, stride, NEVER)
                else:
                    leave(arena, plan, slot, plan.passes[k, 1], place, stride, NEVER)
            place = next_place(arena, place)
            due = NEVER if place == END else arena.pages[place >> PAGE_BITS, word_of(place, stride) + TIME]
        arena.heads[slot, at] = place
        arena.heads[slot, at + 1] = due


@inner
def take_in(arena: Arena, plan: PlanArrays, slot: int, place: int, time_ms: int, stride: int) -> None:
    """The newest row, just appended at `place`, enters the windows without delay; cursors at the end now point to it."""
    for cursor in range(len(plan.offsets)):
        at = HEAD_WORDS + 2 * cursor
        if arena.heads[slot, at] == END:
            arena.heads[slot, at] = place
            arena.heads[slot, at + 1] = time_ms
    for extreme in range(arena.edges.shape[1]):
        if arena.edges[slot, extreme] == END:
            arena.edges[slot, extreme] = place
    for k in range(len(plan.live)):
        enter(arena, plan, slot, plan.live[k], place, stride, NEVER)
    arena.heads[slot, NEWEST] = time_ms


@inner
def least_of(arena: Arena, plan: PlanArrays, slot: int, unit: int) -> float:
    """The least value of a min or max window (of negated values); infinite when it has none."""
    tail = arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
    least: float = arena.backs[slot, plan.units[unit, EXTREME]]
    if tail != arena.edges[slot, plan.units[unit, EXTREME]]:
        at = (tail & (PAGE - 1)) * arena.edges.shape[1] + plan.units[unit, EXTREME]
        front = arena.suffixes[tail >> PAGE_BITS, at]
        least = min(least, front)
    return least


@inner
def give_out(arena: Arena, plan: PlanArrays, slot: int, before: int, out: Float64s, i: int) -> None:
    """Writes the outputs that stand before the current event (1) or after it (0)."""
    for at in range(len(plan.outputs)):
        if plan.outputs[at, 2] != before:
            continue
        unit = plan.outputs[at, 0]
        statistic = plan.outputs[at, 1]
        if statistic in (MIN, MAX):
            least = least_of(arena, plan, slot, unit)
            out[i, at] = math.nan if least == math.inf else (least if statistic == MIN else 0.0 - least) / plan.scales[at]
        else:
            out[i, at] = unit_value(arena.heads_f, slot, plan.units[unit, WORD], statistic) / plan.scales[at]


@inner
def rebuild(arena: Arena, plan: PlanArrays, slot: int, stride: int, sums: bool) -> None:
    """Makes extremes, and with `sums` also cursors and sums, anew from the retained rows, as of the newest event."""
    if sums:
        reset_units(arena, plan, slot)
    for extreme in range(arena.backs.shape[1]):
        arena.backs[slot, extreme] = math.inf
    newest = arena.heads[slot, NEWEST]
    cursors = len(plan.offsets)
    oldest = newest - plan.offsets[cursors - 1] if cursors else newest
    page = arena.heads[slot, FIRST]
    while page >= 0:
        for at in range(arena.pages[page, FILL]):
            time_ms = arena.pages[page, PAGE_WORDS + at * stride + TIME]
            if time_ms <= oldest:
                continue
            place = (page << PAGE_BITS) + at
            for cursor in range(cursors):
                word = HEAD_WORDS + 2 * cursor
                if arena.heads[slot, word] == END and time_ms > newest - plan.offsets[cursor]:
                    arena.heads[slot, word] = place
                    arena.heads[slot, word + 1] = time_ms
            for unit in range(len(plan.units)):
                upper = newest - plan.units[unit, DELAY]
                if (sums or plan.units[unit, EXTREME] >= 0) and upper - plan.units[unit, LENGTH] < time_ms <= upper:
                    enter(arena, plan, slot, unit, place, stride, NEVER)
        page = arena.pages[page, NEXT]
    for unit in range(len(plan.units)):
        if plan.units[unit, EXTREME] >= 0:
            arena.edges[slot, plan.units[unit, EXTREME]] = arena.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
