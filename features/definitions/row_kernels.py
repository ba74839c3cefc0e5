"""Computes row values that are made of numbers alone."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from features.expressions.number_code import load_row, run_steps
from foundation.number_arrays import Float64s, Int64s


@compiled(
    "void(float64[:, ::1], int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], int64[:, ::1], int64, int64[::1], float64[:, ::1])"
)
def compute(
    numbers: Float64s,
    load_starts: Int64s,
    loads: Int64s,
    constant_starts: Int64s,
    constants: Float64s,
    step_starts: Int64s,
    steps: NDArray[np.int64],
    size: int,
    to: Int64s,
    out: Float64s,
) -> None:
    """Writes what each program gives into its column of `out`; NaN where an event lacks a number.

    Args:
        numbers: [n, columns] what `loads` name; NaN is missing.
        load_starts, loads, constant_starts, constants, step_starts, steps, size: see `features.expressions.number_code.Packed`.
        to: [programs] columns of `out`.
        out: [n, columns] written.
    """
    registers = np.empty(size)
    for at in range(len(to)):
        read = loads[load_starts[at] : load_starts[at + 1]]
        fixed = constants[constant_starts[at] : constant_starts[at + 1]]
        code = steps[step_starts[at] : step_starts[at + 1]]
        for row in range(len(numbers)):
            if load_row(numbers, row, read, fixed, registers):
                out[row, to[at]] = run_steps(code, registers, len(read) + len(fixed))
            else:
                out[row, to[at]] = np.nan
