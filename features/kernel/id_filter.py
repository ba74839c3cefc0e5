"""Keeps a Bloom filter of the ids of each user with many rows, which tells of nearly every new id that no row has it.

Without one, a new id is compared with page after page, back to where `dedupe` or `rewind_max` ends. A filter only lets that search be
skipped: what it does not know to be new is searched for.

A filter is lines of 512 bits. An id belongs to one line, and has a bit in each of its eight cells, so that asking and adding cost one cache
line (blocked Bloom filters: Putze, Sanders and Singler, Cache-, Hash- and Space-Efficient Bloom Filters, 2007). A line is for 32 ids, two
bytes each; a full one takes about one new id in a thousand for one that it may hold.

Nothing is removed from a filter. It is made of all rows that a search can reach, and is told of each row from then on, so that it holds at
least what a search can find: rows only go out of reach, but for a retraction, which brings older ones back, and lets the filter go. A
full filter is not asked; the next long search makes another. No filter is saved: after a restore the first long search makes it.
"""

from features.kernel.inputs import Arrivals, row_key
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import (
    END,
    FILL,
    FILTER,
    FREE_LINES,
    ID,
    LAST,
    LINE_WORDS,
    LINES,
    LINES_LACKED,
    NEWEST,
    PAGE_WORDS,
    PREV,
    ROOM,
    ROWS,
    SIZE_BITS,
    TIME,
    ProfileSlab,
)
from features.layout.plan_arrays import DEDUPE, REWIND_MAX, STRIDE, PlanArrays
from foundation.borrowing import inner, outer
from foundation.compiled import prefetch
from foundation.number_arrays import Int64s

FEW_ROWS = 64
"""A key with so many rows has no filter, and pays for none."""
IDS_OF_A_LINE = 32
_BITS = 6
_CELL = (1 << _BITS) - 1
_SIZE = (1 << SIZE_BITS) - 1
_MIX, _MIX_2, _HALF = -7046029254386353131, -4658895280553007687, 32
_LOW = (1 << _HALF) - 1


@inner
def has_filter(slab: ProfileSlab, slot: int) -> bool:
    """Tells whether the slot has a filter that is not full: it holds the id of every row that a search can reach."""
    return bool(slab.heads[slot, ROWS] > FEW_ROWS and slab.filters[slot, ROOM] > 0)


@inner
def is_surely_new(slab: ProfileSlab, slot: int, key: int) -> bool:
    """Tells whether the slot has a filter, and no row within reach has the id."""
    if not has_filter(slab, slot):
        return False
    mixed = mixed_of(key)
    line = line_of(slab.filters[slot, FILTER], mixed)
    held = 1
    for cell in range(LINE_WORDS):
        held &= slab.filter_lines[line, cell] >> (mixed >> _BITS * cell & _CELL)
    return held == 0


@inner
def note_id(slab: ProfileSlab, slot: int, key: int) -> None:
    """Tells the filter of a slot, if there is one, the id of a row that was just added."""
    if has_filter(slab, slot):
        add_id(slab, slab.filters[slot, FILTER], key)
        slab.filters[slot, ROOM] -= 1


@inner
def prefetch_line(slab: ProfileSlab, arrivals: Arrivals, i: int) -> None:
    """Prefetches the line that event i will ask."""
    slot = arrivals.slots[i]
    if has_filter(slab, slot):
        prefetch(slab.filter_lines, line_of(slab.filters[slot, FILTER], mixed_of(row_key(arrivals, i))), 0)


@outer
def make_filter(context: Int64s, slot: int) -> None:
    """Makes a filter of the rows within reach, for half as many more at least; without free lines it only says how many it lacks."""
    slab, plan = slab_of(context), plan_of(context)
    let_filter_go(slab, slot)
    rows = rows_in_reach(slab, plan, slot)
    size = 1
    while IDS_OF_A_LINE << size < rows + (rows >> 1):
        size += 1
    first = take_lines(slab, size)
    if first == END:
        return
    for line in range(first, first + (1 << size)):
        slab.filter_lines[line, :] = 0
    slab.filters[slot, FILTER] = (first << SIZE_BITS) + size
    slab.filters[slot, ROOM] = (IDS_OF_A_LINE << size) - rows
    page = slab.heads[slot, LAST]
    while rows > 0:
        fill = slab.pages[page, FILL]
        for at in range(fill):
            add_id(slab, slab.filters[slot, FILTER], slab.pages[page, PAGE_WORDS + at * plan.numbers[STRIDE] + ID])
        rows -= fill
        page = slab.pages[page, PREV]


@inner
def rows_in_reach(slab: ProfileSlab, plan: PlanArrays, slot: int) -> int:
    """Returns the number of rows of the pages that a search can reach, now or later."""
    oldest_ms = slab.heads[slot, NEWEST] - plan.numbers[DEDUPE]
    page = slab.heads[slot, LAST]
    rows = 0
    while page >= 0 and rows < plan.numbers[REWIND_MAX]:
        rows += slab.pages[page, FILL]
        page = END if slab.pages[page, PAGE_WORDS + TIME] < oldest_ms else slab.pages[page, PREV]
    return rows


@inner
def let_filter_go(slab: ProfileSlab, slot: int) -> None:
    """Returns the lines of a slot's filter, if it has one, to the free ones of their size."""
    held = slab.filters[slot, FILTER]
    if held == 0:
        return
    first, size = held >> SIZE_BITS, held & _SIZE
    slab.filter_lines[first, 0] = slab.free_filters[size]
    slab.free_filters[size] = first
    slab.counters[FREE_LINES] += 1 << size
    slab.filters[slot, :] = 0


@inner
def take_lines(slab: ProfileSlab, size: int) -> int:
    """Returns the first of 2 ** size lines in a row, which held a filter of that size or none yet; `END` if there are none."""
    lines = 1 << size
    first = slab.free_filters[size]
    if first != END:
        slab.free_filters[size] = slab.filter_lines[first, 0]
        slab.counters[FREE_LINES] -= lines
        return int(first)
    first = slab.counters[LINES]
    if first + lines > len(slab.filter_lines):
        slab.counters[LINES_LACKED] = max(slab.counters[LINES_LACKED], lines)
        return END
    slab.counters[LINES] += lines
    return int(first)


@inner
def mixed_of(key: int) -> int:
    """Spreads an id, which may be a number that counts up, over 64 bits."""
    mixed = key * _MIX
    return (mixed ^ (mixed >> _HALF & _LOW)) * _MIX_2


@inner
def line_of(held: int, mixed: int) -> int:
    """Returns the line of an id; the bits of `mixed` itself say which of the line's bits it has."""
    return (held >> SIZE_BITS) + (mixed * _MIX >> _HALF & (1 << (held & _SIZE)) - 1)


@inner
def add_id(slab: ProfileSlab, held: int, key: int) -> None:
    """Sets the bits of an id."""
    mixed = mixed_of(key)
    line = line_of(held, mixed)
    for cell in range(LINE_WORDS):
        slab.filter_lines[line, cell] |= 1 << (mixed >> _BITS * cell & _CELL)
