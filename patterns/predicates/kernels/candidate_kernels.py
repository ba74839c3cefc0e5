"""Finds the conditions that the cells of a batch of events leave possible."""

import numpy as np

from detectors.compiled import compiled
from foundation.compiled import inner, outer
from foundation.number_arrays import Int64s
from patterns.predicates.kernels.bits import count_bits, keep_common, lowest_bit, words_with_bits
from patterns.predicates.kernels.index_kernels import BLOCK, WORDS, Int32s, Uint16s, Uint64s

_ONE = np.uint64(1)


@inner
def _grown(given: Int32s, length: int) -> Int32s:
    """Returns an array that begins as the given one does, with room for twice `length`."""
    grown = np.empty(2 * length, np.int32)
    grown[: len(given)] = given
    return grown


@outer
def _count(part: Uint64s) -> int:
    count = 0
    for i in range(len(part)):
        for word in range(WORDS):
            count += count_bits(part[i, word])
    return count


@outer
def _write(part: Uint64s, first: int, events: Int32s, conditions: Int32s) -> None:
    """Writes the candidates of a block, whose first condition is `first`."""
    count = 0
    for i in range(len(part)):
        words = words_with_bits(part, i)
        while words:
            word = lowest_bit(words)
            words &= words - _ONE
            left = part[i, word]
            while left:
                events[count], conditions[count] = i, first + (word << 6) + lowest_bit(left)
                left &= left - _ONE
                count += 1


@outer
def _narrow(
    part: Uint64s,
    cells: Int32s,
    attributes: int,
    alive: Uint64s,
    pair_attributes: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Uint16s,
    table: Uint64s,
) -> None:
    """Writes the candidates [n, WORDS] of one block."""
    for i in range(len(part)):
        for word in range(WORDS):
            part[i, word] = alive[word]
    for pair in range(len(pair_attributes)):
        if pair_attributes[pair] < attributes:
            of, rows, first = cells[pair_attributes[pair]], rows_of_cells[cell_starts[pair] :], row_starts[pair]
            for i in range(len(part)):
                keep_common(part, i, table, first + rows[np.uint64(of[i])])


@compiled(
    "Tuple((int32[::1], int32[::1]))(int32[:, ::1], int64, int64[::1], int64[::1], int64[::1], int64[::1], uint16[::1], uint64[:, ::1],"
    " uint64[::1])"
)
def find_candidates(
    cells: Int32s,
    attributes: int,
    pair_starts: Int64s,
    pair_attributes: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Uint16s,
    table: Uint64s,
    alive: Uint64s,
) -> tuple[Int32s, Int32s]:
    """Returns the events and conditions that the cells of the first attributes leave possible, by block, event and condition.

    Args:
        cells: [all attributes, n].
        attributes: how many are looked at.
        pair_starts, pair_attributes, cell_starts, row_starts, rows_of_cells, table, alive: see `blocks.Blocks`.
    """
    n, count = cells.shape[1], 0
    events, conditions = np.empty(1_024, np.int32), np.empty(1_024, np.int32)
    part = np.empty((n, WORDS), np.uint64)  # the candidates of one block, so that they stay in the nearest cache
    for block in range(len(pair_starts) - 1):
        own = slice(pair_starts[block], pair_starts[block + 1])
        _narrow(
            part, cells, attributes, alive[block * WORDS :], pair_attributes[own], cell_starts[own], row_starts[own], rows_of_cells, table
        )
        found = _count(part)
        if len(events) < count + found:
            events, conditions = _grown(events, count + found), _grown(conditions, count + found)
        _write(part, block * BLOCK, events[count:], conditions[count:])
        count += found
    return events[:count], conditions[:count]
