"""Finds, of the steps that an event fires, those that can do something: the others have nothing in the key's state to go on from.

An event fires steps of all sequences that its conditions are part of, whether or not the key has begun them. Here it costs a few
instructions to pass over one that it cannot move: where it would look is packed into one word a step, and asked of the key's filter.
"""

from features.profiles.sparse_entries import SECTION_BITS, SparseArrays, find_cell, may_have
from foundation.borrowing import inner
from foundation.compiled import prefetch
from foundation.number_arrays import Int64s
from patterns.sequences.plan.short_way import GOES_ON, OPENS

_SECTION = (1 << SECTION_BITS) - 1
_LOW = (1 << 32) - 1


@inner
def fetch_entries(sparse: SparseArrays, lines: Int64s, looks: Int64s, slot: int, steps: Int64s, begin: int, stop: int) -> None:
    """Begins to fetch what the steps [begin, stop) of an event that comes next look into; the directory of the slot is there."""
    if slot < 0:
        return
    for at in range(begin, stop):
        section = looks[steps[at]] & _SECTION
        if may_have(sparse, slot, section):
            cell = find_cell(sparse, slot, section)
            if cell >= 0:
                prefetch(lines, sparse.words[cell] & _LOW, 0)


@inner
def find_movable(
    sparse: SparseArrays, looks: Int64s, slot: int, steps: Int64s, begin: int, stop: int, movable: Int64s, opening: Int64s
) -> tuple[int, int]:
    """Writes those of the steps [begin, stop) that can do something.

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
        if kind == GOES_ON and not may_have(sparse, slot, section) and not may_have(sparse, slot, (look >> SECTION_BITS) & _SECTION):
            continue
        movable[moved] = steps[at]
        moved += 1
    return moved, opened
