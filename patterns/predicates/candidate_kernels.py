"""Finds the conditions that the cells of a batch of events leave possible."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Int64s
from patterns.predicates.index_kernels import WORDS, Int32s, Uint64s

_ONE = np.uint64(1)
Bools = NDArray[np.bool_]


@inner
def _narrow(part: Uint64s, of: Int32s, rows: Int32s, table: Uint64s) -> None:
    """Leaves of the candidates [n, WORDS] those that the rows of the events' cells hold."""
    for i in range(len(part)):
        row = rows[of[i]]
        for word in range(WORDS):
            part[i, word] &= table[row, word]


@compiled(
    "void(int32[:, ::1], int64, int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], uint64[:, ::1], uint64[::1], uint64[:, ::1])"
)
def find_candidates(
    cells: Int32s,
    attributes: int,
    pair_starts: Int64s,
    pair_attributes: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Int32s,
    table: Uint64s,
    alive: Uint64s,
    candidates: Uint64s,
) -> None:
    """Writes a bit for each condition that the cells of the first attributes of an event leave possible.

    Args:
        cells: [all attributes, n].
        attributes: how many are looked at.
        pair_starts, pair_attributes, cell_starts, row_starts, rows_of_cells, table, alive: see `blocks.Blocks`.
        candidates: [n, words] written.
    """
    n = cells.shape[1]
    part = np.empty((n, WORDS), np.uint64)  # of one block, so that it stays in the nearest cache
    for block in range(len(pair_starts) - 1):
        first_word = block * WORDS
        for i in range(n):
            for word in range(WORDS):
                part[i, word] = alive[first_word + word]
        for pair in range(pair_starts[block], pair_starts[block + 1]):
            if pair_attributes[pair] < attributes:
                rows = rows_of_cells[cell_starts[pair] : cell_starts[pair + 1]]
                _narrow(part, cells[pair_attributes[pair]], rows, table[row_starts[pair] : row_starts[pair + 1]])
        for i in range(n):
            for word in range(WORDS):
                candidates[i, first_word + word] = part[i, word]


@compiled("int64(uint64[:, ::1], int64, int64[::1], int64[::1], boolean[::1])")
def find_next_asked(candidates: Uint64s, start: int, starts: Int64s, conditions: Int64s, asked: Bools) -> int:
    """Returns the first late attribute, from `start` on, that a candidate asks for, and writes which events have such a candidate.

    Args:
        candidates: [n, words].
        starts, conditions: see `index.Late`.
        asked: [n] written.

    Returns:
        The number among the late attributes; as many as there are, where no other is asked for.
    """
    n, words = candidates.shape
    possible = np.zeros(words, np.uint64)
    for i in range(n):
        for word in range(words):
            possible[word] |= candidates[i, word]
    for attribute in range(start, len(starts) - 1):
        asking = conditions[starts[attribute] : starts[attribute + 1]]
        wanted = False
        for place in range(len(asking)):
            condition = asking[place]
            if (possible[condition >> 6] >> np.uint64(condition & 63)) & _ONE:
                wanted = True
                break
        if not wanted:
            continue
        for i in range(n):
            asked[i] = False
            for place in range(len(asking)):
                condition = asking[place]
                if (candidates[i, condition >> 6] >> np.uint64(condition & 63)) & _ONE:
                    asked[i] = True
                    break
        return attribute
    return len(starts) - 1


@compiled("void(int32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], uint64[:, ::1], uint64[:, ::1])")
def narrow_candidates(
    cells: Int32s,
    pairs: Int64s,
    pair_blocks: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Int32s,
    table: Uint64s,
    candidates: Uint64s,
) -> None:
    """Leaves those candidates that the cells of one more attribute leave possible.

    Args:
        cells: [n] of the attribute.
        pairs: of the attribute.
        pair_blocks, cell_starts, row_starts, rows_of_cells, table: see `blocks.Blocks` and `index.Late`.
        candidates: [n, words] changed.
    """
    for place in range(len(pairs)):
        pair = pairs[place]
        rows = rows_of_cells[cell_starts[pair] : cell_starts[pair + 1]]
        of = table[row_starts[pair] : row_starts[pair + 1]]
        first_word = pair_blocks[pair] * WORDS
        for i in range(len(cells)):
            row = rows[cells[i]]
            for word in range(WORDS):
                candidates[i, first_word + word] &= of[row, word]
