"""Takes events through the commonest sequences on a short way: single steps in order that read nothing of each other.

Such a sequence keeps for each step but the last one partial match: the times and ids of its events, oldest first. A later start is always
the better one, so that a new partial match takes the place of the old one. What `patterns.sequences.ordered` does is the same, with more.
"""

from features.profiles.sparse_entries import LINE, SECTION_BITS, SparseArrays, drop_entry, find_entry, make_entry, mixed, set_lapse
from foundation.borrowing import inner
from foundation.compiled import prefetch
from foundation.number_arrays import Int64s
from patterns.sequences.tables import NONE

# Columns of steps, a cache line each. IS_SIMPLE: this short way serves the step's rule.
IN_SECTION, OF_RULE, NUMBER, IS_LAST, GIVES_EACH, GAP_MS, WITHIN_MS, IS_SIMPLE, SHORT_COLUMNS = range(9)
_LOW = (1 << 32) - 1


@inner
def look_ahead(sparse: SparseArrays, cells: Int64s, short: Int64s, slot: int, steps: Int64s, begin: int, stop: int, hashes: Int64s) -> None:
    """Begins to fetch the cells of the table for an event that comes next, and notes their hashes."""
    mask = len(sparse.table) - 1
    for at in range(begin, stop):
        hash = mixed((slot << SECTION_BITS) | short[steps[at], IN_SECTION])
        hashes[at] = hash
        prefetch(cells, ((hash >> 32) & mask) // LINE, 0)


@inner
def look_up(sparse: SparseArrays, lines: Int64s, begin: int, stop: int, hashes: Int64s) -> None:
    """Begins to fetch the entries of an event, whose cells are there."""
    mask = len(sparse.table) - 1
    for at in range(begin, stop):
        cell = sparse.table[(hashes[at] >> 32) & mask]
        if cell >> 32 == hashes[at] >> 32:
            prefetch(lines, (cell & _LOW) - 1, 0)


@inner
def take_simple(
    sparse: SparseArrays, short: Int64s, slot: int, steps: Int64s, begin: int, stop: int, time: int, id: int, words: Int64s, end: int
) -> int:
    """Lets an event take the steps [begin, stop) of one rule, newest first. Returns how many words of a match it wrote at `end`."""
    at = find_entry(sparse, slot, short[steps[begin], IN_SECTION])
    written = 0
    for place in range(stop - 1, begin - 1, -1):
        own = short[steps[place]]
        number = own[NUMBER]
        if number == 0:
            if at < 0:
                at = make_entry(sparse, slot, own[IN_SECTION])
                _clear(sparse, short, steps[place], at)
            sparse.words[at], sparse.words[at + 1] = time, id
            set_lapse(sparse, at, time + own[WITHIN_MS])
        elif at >= 0 and _follows(sparse.words, at + number * (number - 1), number, time, own):
            if own[IS_LAST]:
                _copy(sparse.words, at + number * (number - 1), words, end, number, time, id)
                written = 2 * number + 2
                if not own[GIVES_EACH]:
                    drop_entry(sparse, at)
                    return int(written)
            else:
                _copy(sparse.words, at + number * (number - 1), sparse.words, at + number * (number + 1), number, time, id)
    return int(written)


@inner
def _follows(words: Int64s, before: int, number: int, time: int, own: Int64s) -> bool:
    """Tells whether an event may follow the partial match of so many events."""
    start = words[before]
    return bool(start != NONE and time - words[before + 2 * number - 2] <= own[GAP_MS] and time - start <= own[WITHIN_MS])


@inner
def _copy(source: Int64s, start: int, target: Int64s, at: int, number: int, time: int, id: int) -> None:
    for word in range(2 * number):
        target[at + word] = source[start + word]
    target[at + 2 * number], target[at + 2 * number + 1] = time, id


@inner
def _clear(sparse: SparseArrays, short: Int64s, first: int, at: int) -> None:
    step = first
    while not short[step, IS_LAST]:
        number = short[step, NUMBER]
        sparse.words[at + number * (number + 1)] = NONE
        step += 1
