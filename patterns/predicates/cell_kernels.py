"""Finds the cells of values."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.index_kernels import ERROR_CELL, FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s, Uint8s

_MAGNITUDE = np.int64((1 << 63) - 1)


@inner
def _cell(cuts: Int64s, number: int) -> int:
    low, high = 0, len(cuts)
    while low < high:
        middle = (low + high) >> 1
        if cuts[middle] <= number:
            low = middle + 1
        else:
            high = middle
    return FIRST_CELL + low


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of_double(typing_context: Any, value: Any) -> Any:
    """Returns the bits of a double as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code."""
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@inner
def _number(value: float) -> int:
    """Returns the place of a double in the order of all doubles, see `spans.number_of_double`."""
    bits = _bits_of_double(value + 0.0)
    return int(bits if bits >= 0 else bits ^ _MAGNITUDE)


@inner
def _cell_of_fault(fault: int) -> int:
    return MISSING_CELL if fault == 1 else ERROR_CELL


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
    for place in range(len(columns)):
        column, divisor, of = columns[place], divisors[place], cells[attributes[place]]
        own = cuts[starts[attributes[place]] : starts[attributes[place] + 1]]
        for i in range(len(numbers)):
            value = numbers[i, column]
            if np.isnan(value):
                of[i] = MISSING_CELL
            elif whole[place]:
                of[i] = _cell(own, int(value))
            else:
                of[i] = _cell(own, _number(value if divisor == 1.0 else value / divisor))


@compiled("void(int64[::1], int64, int64[::1], int32[::1])")
def locate_texts(texts: Int64s, missing: int, cuts: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each text, of which `missing` is none."""
    for i in range(len(texts)):
        cells[i] = MISSING_CELL if texts[i] == missing else _cell(cuts, texts[i])


@compiled("void(int64[::1], uint8[::1], int64[::1], int32[::1])")
def locate_ints(values: Int64s, faults: Uint8s, cuts: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each value. `faults` is [n] or empty."""
    for i in range(len(values)):
        if len(faults) and faults[i]:
            cells[i] = _cell_of_fault(faults[i])
        else:
            cells[i] = _cell(cuts, values[i])


@compiled("void(float64[::1], uint8[::1], int64[::1], int32[::1])")
def locate_doubles(values: Float64s, faults: Uint8s, cuts: Int64s, cells: Int32s) -> None:
    """Writes the cell [n] of each value. `faults` is [n] or empty."""
    for i in range(len(values)):
        if len(faults) and faults[i]:
            cells[i] = _cell_of_fault(faults[i])
        elif np.isnan(values[i]):
            cells[i] = NAN_CELL
        else:
            cells[i] = _cell(cuts, _number(values[i]))
