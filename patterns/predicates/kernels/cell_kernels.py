"""Finds the cells of values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from detectors.compiled import compiled
from foundation.borrowing import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.kernels.condition_arrays import MATRICES, ConditionArrays
from patterns.predicates.kernels.index_kernels import ERROR_CELL, FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s, Uint8s

_MAGNITUDE = np.int64((1 << 63) - 1)


@inner
def _find_cells(cuts: Int64s, numbers: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each number: how many cuts are not above it.

    All numbers go through the same steps of the search, without branches that a processor could guess wrong.
    """
    left = len(cuts)
    cells[:] = FIRST_CELL
    while left > 1:
        half = left >> 1
        for i in range(len(numbers)):
            middle = cells[i] + half
            cells[i] = middle if cuts[middle - FIRST_CELL - 1] <= numbers[i] else cells[i]
        left -= half
    if left:
        for i in range(len(numbers)):
            cells[i] += cuts[cells[i] - FIRST_CELL] <= numbers[i]


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of_double(typing_context: Any, value: Any) -> Any:
    """Returns the bits of a double as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code."""
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@inner
def number_of_double(value: float) -> int:
    """Returns the place of a double in the order of all doubles, see `spans.number_of_double`."""
    bits = _bits_of_double(value + 0.0)
    return int(bits if bits >= 0 else bits ^ _MAGNITUDE)


@inner
def _mark_faults(faults: Uint8s, cells: Int32s) -> None:
    for i in range(len(faults)):
        if faults[i]:
            cells[i] = MISSING_CELL if faults[i] == 1 else ERROR_CELL


@inner
def gather(arrays: ConditionArrays, matrices: Sequence[Float64s], values: Float64s) -> None:
    """Writes the numbers [names, n] of all names from the matrices in which they stand, divided; NaN is missing."""
    for name in range(len(arrays.divisors)):
        matrix, column, divisor = arrays.places[name, 0], arrays.places[name, 1], arrays.divisors[name]
        for each in range(MATRICES):
            if each == matrix:
                _divide(matrices[each], column, divisor, values, name)


@inner
def _divide(matrix: Float64s, column: int, divisor: float, values: Float64s, name: int) -> None:
    for i in range(len(matrix)):
        values[name, i] = matrix[i, column] / divisor


@inner
def locate_numbers(arrays: ConditionArrays, values: Float64s, ordered: Int64s, cells: Int32s) -> None:
    """Writes the cells [attributes, n] of early attributes that are numbers.

    Args:
        values: [names, n] as `gather` writes them.
        ordered: [n] written.
    """
    for place in range(len(arrays.numbers)):
        attribute, name = arrays.numbers[place, 0], arrays.numbers[place, 1]
        if arrays.numbers[place, 2]:
            for i in range(len(ordered)):
                ordered[i] = 0 if np.isnan(values[name, i]) else int(values[name, i])
        else:
            for i in range(len(ordered)):
                ordered[i] = number_of_double(values[name, i])
        _find_cells(arrays.cuts[arrays.cut_starts[attribute] : arrays.cut_starts[attribute + 1]], ordered, cells[attribute])
        for i in range(len(ordered)):
            cells[attribute, i] = MISSING_CELL if np.isnan(values[name, i]) else cells[attribute, i]


@inner
def locate_texts(arrays: ConditionArrays, texts: Int64s, cells: Int32s) -> None:
    """Writes the cells of early attributes that are texts, of which `texts` [text attributes, n] are the numbers."""
    for place in range(len(arrays.texts)):
        attribute, missing = arrays.texts[place, 0], arrays.texts[place, 1]
        _find_cells(arrays.cuts[arrays.cut_starts[attribute] : arrays.cut_starts[attribute + 1]], texts[place], cells[attribute])
        for i in range(texts.shape[1]):
            cells[attribute, i] = MISSING_CELL if texts[place, i] == missing else cells[attribute, i]


@compiled("void(int64[::1], uint8[::1], int64[::1], int32[::1])")
def locate_ints(values: Int64s, faults: Uint8s, cuts: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each value. `faults` is [n] or empty."""
    _find_cells(cuts, values, cells)
    _mark_faults(faults, cells)


@compiled("void(float64[::1], uint8[::1], int64[::1], int32[::1])")
def locate_doubles(values: Float64s, faults: Uint8s, cuts: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each value. `faults` is [n] or empty."""
    ordered = np.empty(len(values), np.int64)
    for i in range(len(values)):
        ordered[i] = number_of_double(values[i])
    _find_cells(cuts, ordered, cells)
    for i in range(len(values)):
        cells[i] = NAN_CELL if np.isnan(values[i]) else cells[i]
    _mark_faults(faults, cells)
