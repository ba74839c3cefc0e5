"""Asks the conditions of a batch of events: one call from values to truths, with a pause where a value has to be got elsewhere."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import outer
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.kernels.candidate_kernels import find_candidates
from patterns.predicates.kernels.cell_kernels import gather, locate_numbers, locate_texts
from patterns.predicates.kernels.condition_arrays import FIRST_LATE, REGISTERS, arrays_of
from patterns.predicates.kernels.index_kernels import Int32s
from patterns.predicates.kernels.late_kernels import grouped, left, narrow
from patterns.predicates.kernels.number_kernels import ask_numbers
from patterns.predicates.kernels.truth_kernels import AT, verify

Bools = NDArray[np.bool_]


@outer
def _ask_from(table: Int64s, at: int, is_there: bool, each: Int32s, values: Float64s, cells: Int32s, asked: Bools) -> Int64s:
    """Asks from the late attribute `at` on, whose cells may be there; returns what `begin` does."""
    arrays = arrays_of(table)
    candidates = grouped(each, len(arrays.missing))
    if is_there:
        narrow(arrays, at, candidates, cells[arrays.sizes[FIRST_LATE] + at])
        at += 1
    registers, present = np.empty(arrays.sizes[REGISTERS]), np.empty(arrays.sizes[REGISTERS], np.bool_)
    at = ask_numbers(arrays, at, candidates, values, asked, cells, registers, present)
    possible = left(candidates)
    if at == len(arrays.kinds):
        return verify(table, cells, possible)
    said = np.empty(1 + 2 * len(possible), np.int64)
    said[AT] = at
    for candidate in range(len(possible)):
        said[1 + 2 * candidate], said[2 + 2 * candidate] = possible[candidate, 0], possible[candidate, 1]
    return said


@compiled(
    "int64[::1](int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, ::1], float64[:, ::1],"
    " int32[:, ::1], boolean[::1])"
)
def begin(
    table: Int64s,
    first: Float64s,
    second: Float64s,
    third: Float64s,
    fourth: Float64s,
    texts: NDArray[np.int64],
    values: Float64s,
    cells: Int32s,
    asked: Bools,
) -> Int64s:
    """Asks the conditions of n events.

    Args:
        table: see `ConditionArrays`.
        first, second, third, fourth: the matrices in which numbers stand.
        texts: [text attributes, n] the numbers of the texts.
        values: [names, n] written: all numbers.
        cells: [attributes, n] of all early attributes that are neither numbers nor texts; all others are 0, and written.
        asked: [n] written: of which events the value is needed that the answer names.

    Returns what `verify` says or, where a value has to be got elsewhere, its late attribute and the candidates for `go_on`.
    """
    arrays = arrays_of(table)
    gather(arrays, (first, second, third, fourth), values)
    locate_numbers(arrays, values, np.empty(cells.shape[1], np.int64), cells)
    locate_texts(arrays, texts, cells)
    return _ask_from(table, 0, False, find_candidates(table, cells), values, cells, asked)


@compiled("int64[::1](int64[::1], int64[::1], float64[:, ::1], int32[:, ::1], boolean[::1])")
def go_on(table: Int64s, said: Int64s, values: Float64s, cells: Int32s, asked: Bools) -> Int64s:
    """Goes on behind the late attribute of which `said`, the last answer, asked; its cells are there now. The others: see `begin`."""
    each = np.empty((len(said) // 2, 2), np.int32)
    for candidate in range(len(each)):
        each[candidate, 0], each[candidate, 1] = said[1 + 2 * candidate], said[2 + 2 * candidate]
    return _ask_from(table, said[AT], True, each, values, cells, asked)
