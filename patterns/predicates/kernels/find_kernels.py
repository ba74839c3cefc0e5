"""Asks the conditions of a batch of events: one call from values to truths, with a pause where a value has to be got elsewhere."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.kernels.candidate_kernels import find_candidates
from patterns.predicates.kernels.cell_kernels import gather, locate_numbers, locate_texts
from patterns.predicates.kernels.condition_arrays import FIRST_LATE, ConditionArrays, arrays_of
from patterns.predicates.kernels.index_kernels import Int32s
from patterns.predicates.kernels.late_kernels import Candidates, grouped, left, narrow
from patterns.predicates.kernels.number_kernels import ask_numbers
from patterns.predicates.kernels.truth_kernels import Verified, verify

Bools = NDArray[np.bool_]
Asked = tuple[int, Int32s, Verified]
"""The late attribute whose values are needed now, as many as there are where all is said; the candidates [m, 2] until then; and once all is
said what `verify` returns."""
_ASKED = "Tuple((int64, int32[:, ::1], Tuple((int64[:, ::1], int64, int64[::1], int64))))"


@inner
def _ask_from(
    arrays: ConditionArrays, table: Int64s, at: int, candidates: Candidates, values: Float64s, cells: Int32s, asked: Bools
) -> Asked:
    at = ask_numbers(arrays, at, candidates, values, asked, cells)
    each = left(candidates)
    if at < len(arrays.kinds):
        return at, each, (np.empty((2, 0), np.int64), 0, np.empty(0, np.int64), 0)
    return at, each, verify(table, cells, each)


@compiled(
    f"{_ASKED}(int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, ::1], float64[:, ::1],"
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
) -> Asked:
    """Asks the conditions of n events.

    Args:
        table: see `ConditionArrays`.
        first, second, third, fourth: the matrices in which numbers stand.
        texts: [text attributes, n] the numbers of the texts.
        values: [names, n] written: all numbers.
        cells: [attributes, n] of all early attributes that are neither numbers nor texts; all others are 0, and written.
        asked: [n] written: of which events the value is needed that the answer names.
    """
    arrays = arrays_of(table)
    gather(arrays, (first, second, third, fourth), values)
    locate_numbers(arrays, values, np.empty(cells.shape[1], np.int64), cells)
    locate_texts(arrays, texts, cells)
    each = find_candidates(table, cells)
    if not len(arrays.kinds):
        return 0, each, verify(table, cells, each)
    return _ask_from(arrays, table, 0, grouped(each, len(arrays.missing)), values, cells, asked)


@compiled(f"{_ASKED}(int64[::1], int64, int32[:, ::1], float64[:, ::1], int32[:, ::1], boolean[::1])")
def go_on(table: Int64s, at: int, each: Int32s, values: Float64s, cells: Int32s, asked: Bools) -> Asked:
    """Goes on behind the late attribute `at`, whose cells are there now; the arguments are those of `begin`, and what was returned."""
    arrays = arrays_of(table)
    candidates = grouped(each, len(arrays.missing))
    narrow(arrays, at, candidates, cells[arrays.sizes[FIRST_LATE] + at])
    return _ask_from(arrays, table, at + 1, candidates, values, cells, asked)
