"""Finds the conditions that the cells of a batch of events leave possible."""

import numpy as np

from detectors.compiled import compiled
from foundation.number_arrays import Int64s
from patterns.predicates.bits import bits_of
from patterns.predicates.index_kernels import WORDS, Int32s, Uint64s


@compiled("int64(int32[:, ::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], uint64[:, ::1], uint64[::1], uint64[:, ::1])")
def find_candidates(
    cells: Int32s,
    pair_starts: Int64s,
    pair_attributes: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Int32s,
    table: Uint64s,
    alive: Uint64s,
    candidates: Uint64s,
) -> int:
    """Writes a bit for each condition that the cells of an event leave possible. Returns how many bits there are.

    Args:
        cells: [attributes, n].
        pair_starts, pair_attributes, cell_starts, row_starts, rows_of_cells, table, alive: see `blocks.Blocks`.
        candidates: [n, words] written.
    """
    n, found = cells.shape[1], 0
    part = np.empty((n, WORDS), np.uint64)  # of one block, so that it stays in the nearest cache
    for block in range(len(pair_starts) - 1):
        first_word = block * WORDS
        for i in range(n):
            for word in range(WORDS):
                part[i, word] = alive[first_word + word]
        for pair in range(pair_starts[block], pair_starts[block + 1]):
            of = cells[pair_attributes[pair]]
            rows = rows_of_cells[cell_starts[pair] : cell_starts[pair + 1]]
            base = row_starts[pair]
            for i in range(n):
                row = base + rows[of[i]]
                for word in range(WORDS):
                    part[i, word] &= table[row, word]
        for i in range(n):
            for word in range(WORDS):
                candidates[i, first_word + word] = part[i, word]
                found += bits_of(part[i, word])
    return found
