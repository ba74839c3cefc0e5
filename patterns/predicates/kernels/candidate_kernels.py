"""Finds the conditions that the cells of a batch of events leave possible."""

import numpy as np

from foundation.borrowing import inner
from foundation.compiled import outer
from foundation.number_arrays import Int64s
from patterns.predicates.kernels.bits import count_bits, keep_common, lowest_bit, words_with_bits
from patterns.predicates.kernels.condition_arrays import FIRST_LATE, ConditionArrays, arrays_of
from patterns.predicates.kernels.index_kernels import BLOCK, WORDS, Int32s, Uint64s

_ONE = np.uint64(1)
_ROOM = 512


@inner
def _count(part: Uint64s) -> int:
    count = 0
    for i in range(len(part)):
        for word in range(WORDS):
            count += count_bits(part[i, word])
    return count


@inner
def _write(part: Uint64s, block: int, candidates: Int32s, count: int) -> None:
    """Writes the candidates of a block."""
    for i in range(len(part)):
        words = words_with_bits(part, i)
        while words:
            word = lowest_bit(words)
            words &= words - _ONE
            left = part[i, word]
            while left:
                candidates[count, 0], candidates[count, 1] = i, block * BLOCK + (word << 6) + lowest_bit(left)
                left &= left - _ONE
                count += 1


@inner
def _narrow(part: Uint64s, cells: Int32s, arrays: ConditionArrays, block: int) -> None:
    """Writes the candidates [n, WORDS] of one block."""
    for i in range(len(part)):
        for word in range(WORDS):
            part[i, word] = arrays.alive[block * WORDS + word]
    for pair in range(arrays.pair_starts[block], arrays.pair_starts[block + 1]):
        attribute, start, first = arrays.pair_attributes[pair], arrays.cell_starts[pair], arrays.row_starts[pair]
        if attribute < arrays.sizes[FIRST_LATE]:
            for i in range(len(part)):
                keep_common(part, i, arrays.table, first + arrays.rows_of_cells[np.uint64(start + cells[attribute, i])])


@outer
def find_candidates(table: Int64s, cells: Int32s) -> Int32s:
    """Returns the events and conditions [m, 2] that the cells [attributes, n] of early attributes leave possible, by block, event and
    condition.
    """
    arrays = arrays_of(table)
    n, count = cells.shape[1], 0
    candidates = np.empty((_ROOM, 2), np.int32)
    part = np.empty((n, WORDS), np.uint64)  # the candidates of one block, so that they stay in the nearest cache
    for block in range(len(arrays.pair_starts) - 1):
        _narrow(part, cells, arrays, block)
        found = _count(part)
        if len(candidates) < count + found:
            grown = np.empty((2 * (count + found), 2), np.int32)
            for at in range(count):  # a slice that is assigned takes numba seconds to compile
                grown[at, 0], grown[at, 1] = candidates[at, 0], candidates[at, 1]
            candidates = grown
        _write(part, block, candidates, count)
        count += found
    return candidates[:count]
