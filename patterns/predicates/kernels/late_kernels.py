"""Finds who asks for values that cost something, and leaves those candidates that such values leave possible."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.borrowing import inner
from foundation.compiled import inner as making
from foundation.number_arrays import Int64s
from patterns.predicates.kernels.condition_arrays import ConditionArrays
from patterns.predicates.kernels.index_kernels import BLOCK, Int32s

_ONE = np.uint64(1)
Bools = NDArray[np.bool_]


class Candidates(NamedTuple):
    """Holds m candidates, and where those of each condition are.

    Args:
        each: [m, 2] event and condition.
        possible: [m] whether it is possible still.
        starts: [conditions + 1] where those of each condition begin in `order`.
        order: [m] their places.
    """

    each: Int32s
    possible: Bools
    starts: Int64s
    order: Int64s


@making
def grouped(each: Int32s, conditions: int) -> Candidates:
    """Puts the candidates of each condition together; all are possible."""
    starts, order = np.zeros(conditions + 1, np.int64), np.empty(len(each), np.int64)
    for candidate in range(len(each)):
        starts[each[candidate, 1] + 1] += 1
    for condition in range(conditions):
        starts[condition + 1] += starts[condition]
    places = starts.copy()
    for candidate in range(len(each)):
        order[places[each[candidate, 1]]] = candidate
        places[each[candidate, 1]] += 1
    return Candidates(each, np.ones(len(each), np.bool_), starts, order)


@inner
def next_asked(arrays: ConditionArrays, start: int, candidates: Candidates, asked: Bools) -> int:
    """Returns the first late attribute, from `start` on, that a possible candidate asks for; as many as there are, where there is none.

    Args:
        asked: [n] written: which events have such a candidate.
    """
    each, possible, starts, order = candidates
    for attribute in range(start, len(arrays.kinds)):
        found = False
        for at in range(arrays.asking_starts[attribute], arrays.asking_starts[attribute + 1]):
            condition = arrays.asking[at]
            for place in range(starts[condition], starts[condition + 1]):
                if possible[order[place]]:
                    if not found:
                        found = True
                        asked[:] = False
                    asked[each[order[place], 0]] = True
        if found:
            return attribute
    return len(arrays.kinds)


@inner
def narrow(arrays: ConditionArrays, attribute: int, candidates: Candidates, cells: Int32s) -> None:
    """Makes those candidates impossible that the cells [n] of one more late attribute do not leave possible."""
    each, possible, starts, order = candidates
    for at in range(arrays.asking_starts[attribute], arrays.asking_starts[attribute + 1]):
        condition = arrays.asking[at]
        pair = arrays.pairs[attribute, condition // BLOCK]
        if pair < 0:
            continue
        word, shift = (condition % BLOCK) >> 6, np.uint64(condition & 63)
        for place in range(starts[condition], starts[condition + 1]):
            candidate = order[place]
            if possible[candidate]:  # for others nobody has asked
                cell = arrays.cell_starts[pair] + cells[each[candidate, 0]]
                row = arrays.row_starts[pair] + arrays.rows_of_cells[cell]
                possible[candidate] = (arrays.table[row, word] >> shift) & _ONE != 0


@making
def left(candidates: Candidates) -> Int32s:
    """Returns those [m, 2] that are possible still, in their order."""
    count = 0
    kept = np.empty((len(candidates.each), 2), np.int32)
    for candidate in range(len(kept)):
        if candidates.possible[candidate]:
            kept[count, 0], kept[count, 1] = candidates.each[candidate, 0], candidates.each[candidate, 1]
            count += 1
    return kept[:count]
