"""Finds the cells of values."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s
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


@compiled("void(float64[:, :], int64[::1], float64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], int32[:, ::1])")
def locate_matrix(
    numbers: Float64s,
    columns: Int64s,
    divisors: Float64s,
    whole: Uint8s,
    attributes: Int64s,
    starts: Int64s,
    cuts: Int64s,
    cells: Int32s,
) -> None:
    """Writes the cells of attributes that are columns of a matrix of numbers; NaN is missing.

    Args:
        numbers: [n, width].
        columns, divisors, whole, attributes: of each attribute the column, what its numbers are divided by, whether they are integers
            or bools, and its own number.
        starts, cuts: see `span_table.Cuts`.
        cells: [attributes, n] written.
    """
    ordered = np.empty(len(numbers), np.int64)
    for place in range(len(columns)):
        column, divisor, of = columns[place], divisors[place], cells[attributes[place]]
        if whole[place]:
            for i in range(len(numbers)):
                ordered[i] = 0 if np.isnan(numbers[i, column]) else int(numbers[i, column])
        else:
            for i in range(len(numbers)):
                ordered[i] = number_of_double(numbers[i, column] / divisor)
        _find_cells(cuts[starts[attributes[place]] : starts[attributes[place] + 1]], ordered, of)
        for i in range(len(numbers)):
            of[i] = MISSING_CELL if np.isnan(numbers[i, column]) else of[i]


@compiled("void(int64[::1], int64, int64[::1], int32[::1])")
def locate_texts(texts: Int64s, missing: int, cuts: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each text, of which `missing` is none."""
    _find_cells(cuts, texts, cells)
    for i in range(len(texts)):
        cells[i] = MISSING_CELL if texts[i] == missing else cells[i]


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
