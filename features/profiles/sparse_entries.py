"""Finds, makes and drops entries of sparse sections in flat arrays, from within a kernel or for it.

An entry is a block of whole lines of `LINE` words: two words of its own, then the words of its section. The first holds what it is of: the
slot of a profile and the number of a section. The upper half of the second says when the entry lapses. Blocks that are free are linked by
their number of lines.

A slot finds its entries by its directory: lines of which the first word says where the next one lies, and each other one holds a section
and the line of its entry. Only the newest line has cells that are free. So what a slot has lies close together, and whoever goes through
many slots knows all their entries ahead.

Most of what is looked for is not there. Each slot has a filter, with a bit for the section of each of its entries, which spares the
directory nearly all of these questions. Bits of dropped entries stay until the slot's entries are gone through.
"""

from typing import NamedTuple

from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

LINE = 8
OWN = 2
"""Words of an entry before those of its section."""
CELLS = LINE - 1
"""Entries that one line of a directory finds."""
SECTION_BITS = 20
FILTER_WORDS = 4
DIRECTORY, HELD, SLOT_WORDS = FILTER_WORDS, FILTER_WORDS + 1, LINE
"""Words of a slot behind its filter: the newest line of its directory plus one, 0 where it has no entry; the cells that this line holds."""
NEVER_LAPSES = (1 << 31) - 1
_LOW = (1 << 32) - 1
USED_LINES, HELD_LINES, ENTRIES, NUMBERS = range(4)


class SparseArrays(NamedTuple):
    """The arrays of sparse entries.

    Args:
        words: flat, `LINE` words a line.
        slots: flat, `SLOT_WORDS` words a slot, a line of the cache each.
        free: by number of lines, the first free block, or -1.
        numbers: lines that were ever used, lines of entries and directories, entries.
        lines: by section, the number of lines of its entries.
    """

    words: Int64s
    slots: Int64s
    free: Int64s
    numbers: Int64s
    lines: Int64s


@inner
def may_have(sparse: SparseArrays, slot: int, section: int) -> bool:
    """Tells whether `slot` may have an entry of a section; False is certain."""
    return bool((sparse.slots[slot * SLOT_WORDS + ((section >> 6) & (FILTER_WORDS - 1))] >> (section & 63)) & 1)


@inner
def note_section(sparse: SparseArrays, slot: int, section: int) -> None:
    """Notes in the filter of `slot` that it has an entry of a section."""
    sparse.slots[slot * SLOT_WORDS + ((section >> 6) & (FILTER_WORDS - 1))] |= 1 << (section & 63)


@inner
def clear_filter(sparse: SparseArrays, slot: int) -> None:
    """Empties the filter of `slot`."""
    for word in range(FILTER_WORDS):
        sparse.slots[slot * SLOT_WORDS + word] = 0


@inner
def directory_of(sparse: SparseArrays, slot: int) -> int:
    """Returns the newest line of the directory of `slot`; -1 where it has no entry."""
    return int(sparse.slots[slot * SLOT_WORDS + DIRECTORY] - 1)


@inner
def next_directory(sparse: SparseArrays, line: int) -> int:
    """Returns the line of a directory behind this one, all of whose cells are held; -1 at the end."""
    return int(sparse.words[line * LINE] - 1)


@inner
def cells_held(sparse: SparseArrays, slot: int) -> int:
    """Returns how many cells the newest line of the directory of `slot` holds."""
    return int(sparse.slots[slot * SLOT_WORDS + HELD])


@inner
def find_cell(sparse: SparseArrays, slot: int, section: int) -> int:
    """Returns the word with the cell of a section in the directory of `slot`; -1 where it has none."""
    line, held = directory_of(sparse, slot), cells_held(sparse, slot)
    while line >= 0:
        first = line * LINE + 1
        for word in range(first, first + held):
            if sparse.words[word] >> 32 == section:
                return int(word)
        line, held = next_directory(sparse, line), CELLS
    return -1


@inner
def find_entry(sparse: SparseArrays, slot: int, section: int) -> int:
    """Returns where the words of a section begin for `slot`; -1 where it has none."""
    if not may_have(sparse, slot, section):
        return -1
    cell = find_cell(sparse, slot, section)
    return int((sparse.words[cell] & _LOW) * LINE + OWN) if cell >= 0 else -1


@inner
def make_entry(sparse: SparseArrays, slot: int, section: int) -> int:
    """Makes an entry, which must not be there, and returns where its words begin; they hold anything.

    There must be room for its lines, and for one more.
    """
    block = _take_lines(sparse, sparse.lines[section])
    start = block * LINE
    sparse.words[start] = (slot << SECTION_BITS) | section
    sparse.words[start + 1] = NEVER_LAPSES << 32
    held = cells_held(sparse, slot)
    if directory_of(sparse, slot) < 0 or held == CELLS:
        line = _take_lines(sparse, 1)
        sparse.words[line * LINE] = sparse.slots[slot * SLOT_WORDS + DIRECTORY]
        sparse.slots[slot * SLOT_WORDS + DIRECTORY] = line + 1
        held = 0
    sparse.words[directory_of(sparse, slot) * LINE + 1 + held] = (section << 32) | block
    sparse.slots[slot * SLOT_WORDS + HELD] = held + 1
    note_section(sparse, slot, section)
    sparse.numbers[ENTRIES] += 1
    return int(start + OWN)


@inner
def _take_lines(sparse: SparseArrays, lines: int) -> int:
    """Returns a free block of so many lines."""
    block = sparse.free[lines]
    if block >= 0:
        sparse.free[lines] = sparse.words[block * LINE]
    else:
        block = sparse.numbers[USED_LINES]
        sparse.numbers[USED_LINES] += lines
    sparse.numbers[HELD_LINES] += lines
    return int(block)


@inner
def _give_lines(sparse: SparseArrays, block: int, lines: int) -> None:
    """Frees a block of so many lines."""
    sparse.words[block * LINE] = sparse.free[lines]
    sparse.free[lines] = block
    sparse.numbers[HELD_LINES] -= lines


@inner
def has_lapsed(sparse: SparseArrays, start: int, time_ms: int) -> bool:
    """Tells whether the words at `start` mean nothing any more at `time_ms`."""
    lapse = sparse.words[start - OWN + 1] >> 32
    return bool(lapse != NEVER_LAPSES and lapse < time_ms // 1_000)


@inner
def set_lapse(sparse: SparseArrays, start: int, time_ms: int) -> None:
    """Says that the words at `start` mean nothing after `time_ms`; rounded up to whole seconds."""
    second = min(max(time_ms // 1_000 + 1, 0), NEVER_LAPSES)
    sparse.words[start - OWN + 1] = second << 32


@outer
def drop_entry(sparse: SparseArrays, start: int) -> None:
    """Frees the entry whose words begin at `start`."""
    key = sparse.words[start - OWN]
    drop_cell(sparse, key >> SECTION_BITS, find_cell(sparse, key >> SECTION_BITS, key & ((1 << SECTION_BITS) - 1)))


@outer
def drop_cell(sparse: SparseArrays, slot: int, cell: int) -> None:
    """Frees the entry of a cell in the directory of `slot`; the newest cell takes its place."""
    dropped = sparse.words[cell]
    line, held = directory_of(sparse, slot), cells_held(sparse, slot)
    sparse.words[cell] = sparse.words[line * LINE + held]
    sparse.slots[slot * SLOT_WORDS + HELD] = held - 1
    if held == 1:
        sparse.slots[slot * SLOT_WORDS + DIRECTORY] = sparse.words[line * LINE]
        sparse.slots[slot * SLOT_WORDS + HELD] = CELLS
        _give_lines(sparse, line, 1)
    _give_lines(sparse, dropped & _LOW, sparse.lines[dropped >> 32])
    sparse.numbers[ENTRIES] -= 1
