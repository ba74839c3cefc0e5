"""Finds who asks for values that cost something, and leaves those candidates that such values leave possible."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Int64s
from patterns.predicates.kernels.index_kernels import BLOCK, Int32s, Uint16s, Uint64s

_ONE = np.uint64(1)
Bools = NDArray[np.bool_]


@compiled("void(int32[::1], int64[::1], int64[::1])")
def group_by_condition(conditions: Int32s, starts: Int64s, order: Int64s) -> None:
    """Puts the candidates of each condition together.

    Args:
        conditions: the condition of each candidate.
        starts: [conditions + 1] written: where those of each begin.
        order: [candidates] written: their places.
    """
    starts[:] = 0
    for candidate in range(len(conditions)):
        starts[conditions[candidate] + 1] += 1
    for condition in range(len(starts) - 1):
        starts[condition + 1] += starts[condition]
    places = starts.copy()
    for candidate in range(len(conditions)):
        order[places[conditions[candidate]]] = candidate
        places[conditions[candidate]] += 1


@inner
def next_asked(
    start: int, asking_starts: Int64s, asking: Int64s, starts: Int64s, order: Int64s, events: Int32s, possible: Bools, asked: Bools
) -> int:
    """Returns the first late attribute, from `start` on, that a possible candidate asks for; as many as there are, where there is none.

    Args:
        asking_starts, asking: see `index.Late`.
        starts, order: as `group_by_condition` writes them.
        events, possible: [candidates] the event of each, and whether it is possible still.
        asked: [n] written: which events have such a candidate.
    """
    for attribute in range(start, len(asking_starts) - 1):
        found = False
        for at in range(asking_starts[attribute], asking_starts[attribute + 1]):
            for place in range(starts[asking[at]], starts[asking[at] + 1]):
                if possible[order[place]]:
                    if not found:
                        found = True
                        asked[:] = False
                    asked[events[order[place]]] = True
        if found:
            return attribute
    return len(asking_starts) - 1


@compiled("int64(int64, int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], boolean[::1], boolean[::1])")
def find_next_asked(
    start: int, asking_starts: Int64s, asking: Int64s, starts: Int64s, order: Int64s, events: Int32s, possible: Bools, asked: Bools
) -> int:
    """See `next_asked`."""
    return next_asked(start, asking_starts, asking, starts, order, events, possible, asked)


@inner
def narrow(
    asking: Int64s,
    starts: Int64s,
    order: Int64s,
    events: Int32s,
    possible: Bools,
    cells: Int32s,
    pair_of_block: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Uint16s,
    table: Uint64s,
) -> None:
    """Clears `possible` of those candidates that the cells of one more attribute do not leave possible.

    Args:
        asking: the conditions that ask for it.
        starts, order, events, possible: as for `next_asked`.
        cells: [n] of the attribute.
        pair_of_block: [blocks] the pair of each block with the attribute; -1 where there is none.
        cell_starts, row_starts, rows_of_cells, table: see `blocks.Blocks`.
    """
    for at in range(len(asking)):
        condition = asking[at]
        pair = pair_of_block[condition // BLOCK]
        if pair < 0:
            continue
        word, shift = (condition % BLOCK) >> 6, np.uint64(condition & 63)
        for place in range(starts[condition], starts[condition + 1]):
            row = row_starts[pair] + rows_of_cells[cell_starts[pair] + cells[events[order[place]]]]
            if not (table[row, word] >> shift) & _ONE:
                possible[order[place]] = False


@compiled(
    "void(int64[::1], int64[::1], int64[::1], int32[::1], boolean[::1], int32[::1], int64[::1], int64[::1], int64[::1], uint16[::1],"
    " uint64[:, ::1])"
)
def narrow_candidates(
    asking: Int64s,
    starts: Int64s,
    order: Int64s,
    events: Int32s,
    possible: Bools,
    cells: Int32s,
    pair_of_block: Int64s,
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Uint16s,
    table: Uint64s,
) -> None:
    """See `narrow`."""
    narrow(asking, starts, order, events, possible, cells, pair_of_block, cell_starts, row_starts, rows_of_cells, table)
