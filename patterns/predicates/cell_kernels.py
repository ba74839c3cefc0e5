"""Finds the cells of values."""

import numpy as np

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


@inner
def _cell_of_fault(fault: int) -> int:
    return MISSING_CELL if fault == 1 else ERROR_CELL


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
    bits = (values + 0.0).view(np.int64)
    for i in range(len(values)):
        if len(faults) and faults[i]:
            cells[i] = _cell_of_fault(faults[i])
        elif np.isnan(values[i]):
            cells[i] = NAN_CELL
        else:
            cells[i] = _cell(cuts, bits[i] if bits[i] >= 0 else bits[i] ^ _MAGNITUDE)
