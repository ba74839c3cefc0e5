"""Finds, makes and drops entries of sparse sections in flat arrays, from within a kernel or for it.

An entry is a block of whole lines of `LINE` words: two words of its own, then the words of its section. The first holds what it is of: the
slot of a profile and the number of a section. The second holds the line of the slot's next entry, and when the entry lapses. A table finds
entries by hashes of the first word; blocks that are free are linked by their number of lines.

Most of what is looked for is not there. Each slot has a filter of `FILTER_WORDS` words, with a bit for the section of each of its entries,
which spares the table nearly all of these questions. Bits of dropped entries stay until the slot's entries are gone through.
"""

from typing import NamedTuple

from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

LINE = 8
OWN = 2
"""Words of an entry before those of its section."""
SECTION_BITS = 20
FILTER_WORDS = 4
NEVER_LAPSES = (1 << 31) - 1
_LOW = (1 << 32) - 1
_MIX_1, _MIX_2 = 0x1CE4E5B9BF58476D, 0x133111EB94D049BB
USED_LINES, HELD_LINES, ENTRIES, NUMBERS = range(4)


class SparseArrays(NamedTuple):
    """The arrays of sparse entries.

    Args:
        words: flat, `LINE` words a line.
        first: by slot, the line of its newest entry, or -1.
        table: a power of two of cells: 0, or 31 bits of the hash, by which the cell is found, above the line plus one.
        free: by number of lines, the first free block, or -1.
        numbers: lines that were ever used, lines of entries, entries.
        lines: by section, the number of lines of its entries.
        filters: `FILTER_WORDS` words a slot.
    """

    words: Int64s
    first: Int64s
    table: Int64s
    free: Int64s
    numbers: Int64s
    lines: Int64s
    filters: Int64s


@inner
def mixed(key: int) -> int:
    """Returns a hash of 63 bits."""
    key = (key ^ ((key >> 30) & 0x3FFFFFFFF)) * _MIX_1
    key = (key ^ ((key >> 27) & 0x1FFFFFFFFF)) * _MIX_2
    return (key ^ ((key >> 31) & 0x1FFFFFFFF)) & 0x7FFFFFFFFFFFFFFF


@inner
def first_cell(sparse: SparseArrays, hash: int) -> int:
    """Returns the cell of the table in which to look first."""
    return int((hash >> 32) & (len(sparse.table) - 1))


@inner
def may_have(sparse: SparseArrays, slot: int, section: int) -> bool:
    """Tells whether `slot` may have an entry of a section; False is certain."""
    return bool((sparse.filters[slot * FILTER_WORDS + ((section >> 6) & (FILTER_WORDS - 1))] >> (section & 63)) & 1)


@inner
def note_section(sparse: SparseArrays, slot: int, section: int) -> None:
    """Notes in the filter of `slot` that it has an entry of a section."""
    sparse.filters[slot * FILTER_WORDS + ((section >> 6) & (FILTER_WORDS - 1))] |= 1 << (section & 63)


@inner
def clear_filter(sparse: SparseArrays, slot: int) -> None:
    """Empties the filter of `slot`."""
    for word in range(FILTER_WORDS):
        sparse.filters[slot * FILTER_WORDS + word] = 0


@inner
def find_entry(sparse: SparseArrays, slot: int, section: int) -> int:
    """Returns where the words of a section begin for `slot`; -1 where it has none."""
    if not may_have(sparse, slot, section):
        return -1
    key = (slot << SECTION_BITS) | section
    hash = mixed(key)
    mask = len(sparse.table) - 1
    tag = hash >> 32
    at = tag & mask
    while sparse.table[at] != 0:
        cell = sparse.table[at]
        if cell >> 32 == tag:
            start = ((cell & _LOW) - 1) * LINE
            if sparse.words[start] == key:
                return int(start + OWN)
        at = (at + 1) & mask
    return -1


@inner
def make_entry(sparse: SparseArrays, slot: int, section: int) -> int:
    """Makes an entry, which must not be there, and returns where its words begin; they hold anything. There must be room."""
    lines = sparse.lines[section]
    block = sparse.free[lines]
    if block >= 0:
        sparse.free[lines] = sparse.words[block * LINE]
    else:
        block = sparse.numbers[USED_LINES]
        sparse.numbers[USED_LINES] += lines
    key = (slot << SECTION_BITS) | section
    start = block * LINE
    sparse.words[start] = key
    sparse.words[start + 1] = (NEVER_LAPSES << 32) | ((sparse.first[slot] + 1) & _LOW)
    sparse.first[slot] = block
    note_section(sparse, slot, section)
    put_cell(sparse, key, block)
    sparse.numbers[ENTRIES] += 1
    sparse.numbers[HELD_LINES] += lines
    return int(start + OWN)


@inner
def put_cell(sparse: SparseArrays, key: int, block: int) -> None:
    """Lets the table find the block of `key`."""
    hash = mixed(key)
    mask = len(sparse.table) - 1
    at = (hash >> 32) & mask
    while sparse.table[at] != 0:
        at = (at + 1) & mask
    sparse.table[at] = ((hash >> 32) << 32) | (block + 1)


@inner
def next_line(sparse: SparseArrays, block: int) -> int:
    """Returns the line of the slot's entry after this one; -1 at the end."""
    return int((sparse.words[block * LINE + 1] & _LOW) - 1)


@inner
def has_lapsed(sparse: SparseArrays, start: int, time_ms: int) -> bool:
    """Tells whether the words at `start` mean nothing any more at `time_ms`."""
    lapse = sparse.words[start - OWN + 1] >> 32
    return bool(lapse != NEVER_LAPSES and lapse < time_ms // 1_000)


@inner
def set_lapse(sparse: SparseArrays, start: int, time_ms: int) -> None:
    """Says that the words at `start` mean nothing after `time_ms`; rounded up to whole seconds."""
    second = min(max(time_ms // 1_000 + 1, 0), NEVER_LAPSES)
    sparse.words[start - OWN + 1] = (second << 32) | (sparse.words[start - OWN + 1] & _LOW)


@outer
def drop_entry(sparse: SparseArrays, start: int) -> None:
    """Frees the entry whose words begin at `start`."""
    block = (start - OWN) // LINE
    before = -1
    here = sparse.first[sparse.words[start - OWN] >> SECTION_BITS]
    while here != block:
        before = here
        here = next_line(sparse, here)
    drop_behind(sparse, before, block)


@outer
def drop_behind(sparse: SparseArrays, before: int, block: int) -> None:
    """Frees the entry of a block that stands behind another one of its slot; `before`: -1 where it is the slot's first."""
    key = sparse.words[block * LINE]
    after = next_line(sparse, block)
    if before < 0:
        sparse.first[key >> SECTION_BITS] = after
    else:
        own = before * LINE + 1
        sparse.words[own] = (sparse.words[own] & ~_LOW) | ((after + 1) & _LOW)
    _take_cell(sparse, key, block)
    lines = sparse.lines[key & ((1 << SECTION_BITS) - 1)]
    sparse.words[block * LINE] = sparse.free[lines]
    sparse.free[lines] = block
    sparse.numbers[ENTRIES] -= 1
    sparse.numbers[HELD_LINES] -= lines


@inner
def _take_cell(sparse: SparseArrays, key: int, block: int) -> None:
    """Empties the cell of an entry, and moves those behind it up, so that each is still found."""
    mask = len(sparse.table) - 1
    at = (mixed(key) >> 32) & mask
    while (sparse.table[at] & _LOW) - 1 != block:
        at = (at + 1) & mask
    behind = at
    while True:
        behind = (behind + 1) & mask
        cell = sparse.table[behind]
        if cell == 0:
            break
        home = (cell >> 32) & mask
        if ((behind - home) & mask) >= ((behind - at) & mask):
            sparse.table[at] = cell
            at = behind
    sparse.table[at] = 0
