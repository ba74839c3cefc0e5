"""Finds, of the steps that an event fires, those that can do something: the others have nothing in the key's state to go on from.

An event fires steps of all sequences that its conditions are part of, whether or not the key has begun them. Here it costs a few
instructions to pass over one that it cannot move: where it would look is packed into one word a step, and asked of the key's filter.
"""

from features.profiles.sparse_entries import SECTION_BITS, SparseArrays, directory_of, find_cell, may_have
from foundation.borrowing import inner
from foundation.compiled import prefetch
from foundation.number_arrays import Int64s

GOES_ON, OPENS, ALWAYS = range(3)
"""Kinds of steps: one that needs what the key has in one of two sections; one that opens sequences which share their first event, kept in
the first section; and one that the filter says nothing of."""
_SECTION = (1 << SECTION_BITS) - 1
_LOW = (1 << 32) - 1


def looks_of(kinds: Int64s, firsts: Int64s, others: Int64s) -> Int64s:
    """Packs the kind of each step and its two sections, of which the first is fetched ahead, into a word: [steps]."""
    found: Int64s = (kinds << 2 * SECTION_BITS) | (others << SECTION_BITS) | firsts
    return found


@inner
def fetch_directory(sparse: SparseArrays, lines: Int64s, slot: int) -> None:
    """Begins to fetch the directory of a slot for an event that comes later; the words of the slot are there."""
    if slot >= 0:
        prefetch(lines, directory_of(sparse, slot), 0)


@inner
def find_movable(
    sparse: SparseArrays, lines: Int64s, looks: Int64s, slot: int, steps: Int64s, begin: int, stop: int, movable: Int64s, opening: Int64s
) -> tuple[int, int]:
    """Writes those of the steps [begin, stop) that can do something, and begins to fetch what they look into.

    Args:
        movable: written: the steps, in their order, without those that only open what is shared.
        opening: written: of the latter, those next to each other that share an event only once.

    Returns:
        How many there are of both.
    """
    moved, opened, last = 0, 0, -1
    for at in range(begin, stop):
        look = looks[steps[at]]
        kind, section = look >> 2 * SECTION_BITS, look & _SECTION
        if kind == OPENS:
            if section != last:
                opening[opened] = steps[at]
                opened, last = opened + 1, section
            continue
        if may_have(sparse, slot, section):
            _fetch_entry(sparse, lines, slot, section)
        elif kind == GOES_ON and not may_have(sparse, slot, (look >> SECTION_BITS) & _SECTION):
            continue
        movable[moved] = steps[at]
        moved += 1
    return moved, opened


@inner
def _fetch_entry(sparse: SparseArrays, lines: Int64s, slot: int, section: int) -> None:
    cell = find_cell(sparse, slot, section)
    if cell >= 0:
        prefetch(lines, sparse.words[cell] & _LOW, 0)
