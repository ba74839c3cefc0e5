"""Keeps minima and maxima of windows by two stacks that live in history itself.

A window is cut at an edge: for each row before the edge the least value from there to the edge is known, and for the rows from the edge on
only their least value together. A row that enters changes the latter; when the edge has become the oldest row, it moves to the end. Each
row is read twice in its life. (This is the two-stack queue of functional programming; for windows: Tangwongsan, Hirzel and Schneider 2015.)
Maxima are minima of negated values.
"""

import math

from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import END, HEAD_WORDS, PAGE, PAGE_BITS, ProfileSlab
from features.layout.plan_arrays import AUX, HEAD, KIND, REACH, TAIL, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.pages import next_place, place_before
from features.windows.rows import value_of
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_MAX = int(UnitKind.MAX)


@inner
def signed_value(slab: ProfileSlab, plan: PlanArrays, unit: int, place: int, stride: int) -> float:
    """Returns the row's value, negated for maxima; infinite if it has none."""
    value = value_of(slab, plan, unit, place, stride)
    if value != value:
        return math.inf
    return 0.0 - value if plan.units[unit, KIND] == _MAX else value


@inner
def suffix_at(slab: ProfileSlab, plan: PlanArrays, unit: int, place: int) -> int:
    """Returns the index of the row at `place` in its page's suffixes."""
    return int((place & (PAGE - 1)) * slab.edges.shape[1] + plan.units[unit, AUX])


@inner
def extreme_enter(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """Adds the row as the newest of the window."""
    value = signed_value(slab, plan, unit, place, stride)
    if value < slab.backs[slot, plan.units[unit, AUX]]:
        slab.backs[slot, plan.units[unit, AUX]] = value


@inner
def extreme_leave(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, last: int, stride: int) -> None:
    """Removes the row, the oldest of the window; `last` is the newest of all rows taken in."""
    if slab.edges[slot, plan.units[unit, AUX]] == place:
        move_edge(slab.context, slot, unit, place, last, stride)


@outer
def move_edge(context: Int64s, slot: int, unit: int, tail: int, last: int, stride: int) -> None:
    """Moves the edge after the newest row of a window that begins at `tail`."""
    slab, plan = slab_of(context), plan_of(context)
    edge = END if plan.units[unit, HEAD] < 0 else slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, HEAD]]
    least = math.inf
    place = last if edge == END else place_before(slab, slot, edge)
    while place != END:
        least = min(least, signed_value(slab, plan, unit, place, stride))
        slab.suffixes[place >> PAGE_BITS, suffix_at(slab, plan, unit, place)] = least
        if place == tail:
            break
        place = place_before(slab, slot, place)
    slab.edges[slot, plan.units[unit, AUX]] = edge
    slab.backs[slot, plan.units[unit, AUX]] = math.inf


@inner
def extreme_reenter(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """Adds the row back as the oldest of the window."""
    least = signed_value(slab, plan, unit, place, stride)
    following = next_place(slab, place)
    if following != END and following != slab.edges[slot, plan.units[unit, AUX]]:
        least = min(least, slab.suffixes[following >> PAGE_BITS, suffix_at(slab, plan, unit, following)])
    slab.suffixes[place >> PAGE_BITS, suffix_at(slab, plan, unit, place)] = least


@outer
def recompute_back(context: Int64s, slot: int, unit: int, last: int, stride: int) -> None:
    """Recomputes the least value of the back part, up to the row at `last`."""
    slab, plan = slab_of(context), plan_of(context)
    edge = slab.edges[slot, plan.units[unit, AUX]]
    least = math.inf
    place = last
    while place != END:
        least = min(least, signed_value(slab, plan, unit, place, stride))
        if place == edge:
            break
        place = place_before(slab, slot, place)
    slab.backs[slot, plan.units[unit, AUX]] = least


@inner
def extreme_of(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int) -> float:
    """Returns the window's extreme value; NaN when it has none."""
    tail = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, TAIL]]
    least: float = slab.backs[slot, plan.units[unit, AUX]]
    if tail != slab.edges[slot, plan.units[unit, AUX]]:
        least = min(least, slab.suffixes[tail >> PAGE_BITS, suffix_at(slab, plan, unit, tail)])
    if plan.units[unit, REACH] == 0 and slab.heads_f[slot, plan.units[unit, WORD]] > 0.0:
        least = min(least, slab.heads_f[slot, plan.units[unit, WORD] + 1])
    if least == math.inf:
        return math.nan
    return least if plan.units[unit, KIND] != _MAX else 0.0 - least


@inner
def extreme_evict(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """Keeps an evicted row in an unbounded window: two cells of the head hold the number of such rows and their least value."""
    value = signed_value(slab, plan, unit, place, stride)
    if value == math.inf:
        return
    word = plan.units[unit, WORD]
    if slab.heads_f[slot, word] == 0.0 or value < slab.heads_f[slot, word + 1]:
        slab.heads_f[slot, word + 1] = value
    slab.heads_f[slot, word] += 1.0
