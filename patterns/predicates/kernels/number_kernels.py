"""Computes costly values that are made of numbers alone, and narrows candidates by them, in one call for all such attributes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from features.expressions.number_steps import load_constants, run_steps
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.kernels.cell_kernels import number_of_double
from patterns.predicates.kernels.index_kernels import FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s, Uint8s, Uint16s, Uint64s
from patterns.predicates.kernels.late_kernels import narrow, next_asked

Bools = NDArray[np.bool_]
OTHER, NUMBER, TRUTH = 0, 1, 2
"""What the values of an attribute are: computed elsewhere, doubles, or whether something is true."""


@inner
def _cell_of(value: float, kind: int, cuts: Int64s) -> int:
    """Returns how many cuts are not above the value, as the number of a cell."""
    if kind == NUMBER and np.isnan(value):
        return NAN_CELL
    number = number_of_double(value) if kind == NUMBER else int(value)
    low, high = 0, len(cuts)
    while low < high:
        middle = (low + high) >> 1
        if cuts[middle] <= number:
            low = middle + 1
        else:
            high = middle
    return FIRST_CELL + low


@compiled("void(float64[:, :], int64[::1], float64[::1], int64[::1], float64[:, ::1])")
def gather(matrix: Float64s, columns: Int64s, divisors: Float64s, to: Int64s, values: Float64s) -> None:
    """Writes columns of a matrix, divided, into other columns of `values`."""
    for at in range(len(columns)):
        for row in range(len(matrix)):
            values[row, to[at]] = matrix[row, columns[at]] / divisors[at]


@compiled(
    "int64(int64, float64[:, ::1], uint8[::1], int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], int64[:, ::1], int64,"
    " int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], boolean[::1], boolean[::1],"
    " int64, int64[::1], int64[::1], int32[:, ::1], int64[:, ::1], int64[::1], int64[::1], uint16[::1], uint64[:, ::1])"
)
def ask_numbers(
    at: int,
    values: Float64s,
    kinds: Uint8s,
    load_starts: Int64s,
    loads: Int64s,
    constant_starts: Int64s,
    constants: Float64s,
    step_starts: Int64s,
    steps: NDArray[np.int64],
    size: int,
    asking_starts: Int64s,
    asking: Int64s,
    starts: Int64s,
    order: Int64s,
    events: Int32s,
    possible: Bools,
    asked: Bools,
    first: int,
    cut_starts: Int64s,
    cuts: Int64s,
    cells: Int32s,
    pairs: NDArray[Any],
    cell_starts: Int64s,
    row_starts: Int64s,
    rows_of_cells: Uint16s,
    table: Uint64s,
) -> int:
    """Goes on from the late attribute `at` for as long as numbers alone are asked for. Returns the attribute at which something else is:
    `asked` then says of which events; as many as there are late attributes, where nobody asks any more.

    Args:
        values: [n, columns] the numbers that `loads` name; NaN is missing.
        kinds: [late attributes] what each is.
        load_starts, loads, constant_starts, constants, step_starts, steps, size: see `features.expressions.number_code.Packed`.
        asking_starts, asking, starts, order, events, possible, asked: as for `next_asked`.
        first: the number of the first late attribute.
        cut_starts, cuts: see `span_table.Cuts`.
        cells: [attributes, n] written.
        pairs: see `index.Late`.
        cell_starts, row_starts, rows_of_cells, table: see `blocks.Blocks`.
    """
    registers, present = np.empty(size), np.empty(size, np.bool_)
    while True:
        at = next_asked(at, asking_starts, asking, starts, order, events, possible, asked)
        if at == len(kinds) or kinds[at] == OTHER:
            return at
        of, own = cells[first + at], cuts[cut_starts[first + at] : cut_starts[first + at + 1]]
        read = loads[load_starts[at] : load_starts[at + 1]]
        fixed = constants[constant_starts[at] : constant_starts[at + 1]]
        code = steps[step_starts[at] : step_starts[at + 1]]
        load_constants(fixed, len(read), registers, present)
        for row in range(len(asked)):
            if asked[row]:
                for place in range(len(read)):
                    registers[place] = values[row, read[place]]
                    present[place] = not np.isnan(registers[place])
                result = run_steps(code, registers, present, len(read) + len(fixed))
                of[row] = _cell_of(registers[result], kinds[at], own) if present[result] else MISSING_CELL
        narrow(
            asking[asking_starts[at] : asking_starts[at + 1]],
            starts,
            order,
            events,
            possible,
            of,
            pairs[at],
            cell_starts,
            row_starts,
            rows_of_cells,
            table,
        )
        at += 1
