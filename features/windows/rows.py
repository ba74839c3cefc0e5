"""Reads a retained row: its time, its values, and the columns that are computed from the row before."""

import math

from features.definitions.row_column import Origin
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import END, LONG_AGO, NEVER, NEXT, ORDER, PAGE_BITS, PAGE_WORDS, TIME, ProfileSlab
from features.layout.plan_arrays import COLUMN, LINK_OF, LINK_ORIGIN, LINK_PREVIOUS, LINK_TO, LINK_WHERE, WHERE, PlanArrays
from features.windows.pages import mark_changed, place_before, word_of
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_PREVIOUS, _PAIR = int(Origin.PREVIOUS), int(Origin.PAIR)
_MIX, _MIX_2 = -7046029254386353131, -4417276706812531889
_NOT_NAN = ~(1 << 62)


@inner
def time_of(slab: ProfileSlab, place: int, stride: int) -> int:
    """Returns the event time of the row at `place`; LONG_AGO if there is none."""
    return LONG_AGO if place == END else slab.pages[place >> PAGE_BITS, word_of(place, stride) + TIME]


@inner
def due_of(slab: ProfileSlab, place: int, stride: int) -> int:
    """Returns the event time of the row at `place`; NEVER if there is none."""
    return NEVER if place == END else slab.pages[place >> PAGE_BITS, word_of(place, stride) + TIME]


@inner
def number_of(slab: ProfileSlab, place: int, column: int, stride: int) -> float:
    """Returns a column of a row, NaN where it is missing; 0 for no column.

    Adding 0 turns -0 into 0, so that it never shows which of two equal values came first.
    """
    return slab.pages_f[place >> PAGE_BITS, word_of(place, stride) + column] + 0.0 if column >= 0 else 0.0


@inner
def is_counted(slab: ProfileSlab, place: int, where: int, stride: int) -> bool:
    """Tells whether the row satisfies the column `where`, or there is none."""
    return where < 0 or slab.pages_f[place >> PAGE_BITS, word_of(place, stride) + where] == 1.0


@inner
def value_of(slab: ProfileSlab, plan: PlanArrays, unit: int, place: int, stride: int) -> float:
    """Returns the row's value for a unit, or NaN if it has none or does not count."""
    if not is_counted(slab, place, plan.units[unit, WHERE], stride):
        return math.nan
    return number_of(slab, place, plan.units[unit, COLUMN], stride)


@inner
def bits_of(slab: ProfileSlab, place: int, column: int, stride: int) -> int:
    """Returns the cell of a column as bits, 0 for both zeros; 0 also for no column."""
    if column < 0 or slab.pages_f[place >> PAGE_BITS, word_of(place, stride) + column] == 0.0:
        return 0
    return int(slab.pages[place >> PAGE_BITS, word_of(place, stride) + column])


@inner
def is_before(slab: ProfileSlab, place: int, other: int, stride: int) -> bool:
    """Tells whether the row at `place` stands before the row at `other`."""
    if place >> PAGE_BITS == other >> PAGE_BITS:
        return place < other
    page, word = place >> PAGE_BITS, word_of(place, stride)
    other_page, other_word = other >> PAGE_BITS, word_of(other, stride)
    if slab.pages[page, word + TIME] != slab.pages[other_page, other_word + TIME]:
        return bool(slab.pages[page, word + TIME] < slab.pages[other_page, other_word + TIME])
    if slab.pages[page, word + ORDER] != slab.pages[other_page, other_word + ORDER]:
        return bool(slab.pages[page, word + ORDER] < slab.pages[other_page, other_word + ORDER])
    return is_page_before(slab, page, other_page, slab.pages[page, word + TIME])


@inner
def is_page_before(slab: ProfileSlab, page: int, other_page: int, time_ms: int) -> bool:
    """Tells whether `other_page`, which has a row at `time_ms`, follows `page`: rows of one time and order keep their arrival order."""
    following = slab.pages[page, NEXT]
    while following >= 0 and following != other_page and slab.pages[following, PAGE_WORDS + TIME] <= time_ms:
        following = slab.pages[following, NEXT]
    return bool(following == other_page)


@inner
def link(slab: ProfileSlab, plan: PlanArrays, slot: int, place: int, stride: int) -> None:
    """Fills in the columns of the row at `place` that are computed from the row before it."""
    if len(plan.links):
        link_columns(slab.context, slot, place, stride)


@outer
def link_columns(context: Int64s, slot: int, place: int, stride: int) -> None:
    """Does the work of `link` for a plan with such columns."""
    slab, plan = slab_of(context), plan_of(context)
    page, word = place >> PAGE_BITS, word_of(place, stride)
    before = place_before(slab, slot, place)
    for k in range(len(plan.links)):
        base, where, previous = plan.links[k, LINK_OF], plan.links[k, LINK_WHERE], plan.links[k, LINK_PREVIOUS]
        to = word + plan.links[k, LINK_TO]
        if plan.links[k, LINK_ORIGIN] == _PREVIOUS:
            value = math.nan
            if before != END:
                value = number_of(slab, before, base, stride) if is_counted(slab, before, where, stride) else math.nan
                if value != value:
                    value = number_of(slab, before, previous, stride)
            write(slab, slot, page, to, value)
            continue
        own = number_of(slab, place, base, stride) if is_counted(slab, place, where, stride) else math.nan
        came_from = number_of(slab, place, previous, stride)
        if own != own or came_from != came_from:
            write(slab, slot, page, to, math.nan)
        elif plan.links[k, LINK_ORIGIN] == _PAIR:
            mixed = bits_of(slab, place, base, stride) * _MIX
            mixed = ((mixed ^ (mixed >> 29)) + bits_of(slab, place, previous, stride)) * _MIX_2
            if slab.pages[page, to] != (mixed ^ (mixed >> 32)) & _NOT_NAN:
                slab.pages[page, to] = (mixed ^ (mixed >> 32)) & _NOT_NAN
                mark_changed(slab, slot, page)
        else:
            write(slab, slot, page, to, came_from)


@inner
def write(slab: ProfileSlab, slot: int, page: int, word: int, value: float) -> None:
    """Writes a value if another one stands there, and marks the page as changed."""
    if slab.pages_f[page, word] != value and not (slab.pages_f[page, word] != slab.pages_f[page, word] and value != value):
        slab.pages_f[page, word] = value
        mark_changed(slab, slot, page)
