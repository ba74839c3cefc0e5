"""Fills columns of events: with their own numbers and texts, and with what tables of steps make of these."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from features.expressions.number_steps import load_constants, run_steps
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s

NOWHERE: Final = -1


@inner
def _place(numbers: Float64s, texts: Float64s, sources: Int64s, out: Float64s) -> None:
    width = numbers.shape[1]
    for row in range(len(numbers)):
        for at in range(len(sources)):
            source = sources[at]
            if source == NOWHERE:
                out[row, at] = np.nan
            else:
                out[row, at] = numbers[row, source] if source < width else texts[source - width, row]


@compiled("void(float64[:, :], int64[::1], float64[:, ::1])")
def spread(found: Float64s, columns: Int64s, out: Float64s) -> None:
    """Writes the first columns of `found` [n, …] into `columns` of `out` [n, …]."""
    for row in range(len(out)):
        for at in range(len(columns)):
            out[row, columns[at]] = found[row, at]


@compiled(
    "void(float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], int64[::1], int64[::1], int64[::1], float64[::1], int64[::1],"
    " int64[:, ::1], int64, int64[::1], float64[:, ::1])"
)
def fill(
    numbers: Float64s,
    texts: Float64s,
    sources: Int64s,
    divisors: Float64s,
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
    """Writes the columns that events have as they are, and behind them what each program gives into its own column.

    Args:
        numbers: [n, columns of the schema] numbers of the events; NaN is missing.
        texts: [texts, n] hashes of texts, or their numbers; NaN is missing.
        sources: [columns of `out`] the column of `numbers` that is written there, or behind all of these the row of `texts`; `NOWHERE`: NaN
            is. Where there are none, `out` is left as it is.
        divisors: [columns of the schema] what programs take numbers divided by.
        load_starts, loads, constant_starts, constants, step_starts, steps, size: see `features.expressions.number_code.Packed`. Loads are
            the columns of `numbers`, then the rows of `texts`, then the columns of `out` as programs before have left them.
        to: [programs] columns of `out`.
        out: [n, columns] read and written. A program that gives nothing leaves NaN.
    """
    _place(numbers, texts, sources, out)
    registers, present = np.empty(size), np.empty(size, np.bool_)
    width, before = numbers.shape[1], numbers.shape[1] + len(texts)
    for at in range(len(to)):
        read = loads[load_starts[at] : load_starts[at + 1]]
        fixed = constants[constant_starts[at] : constant_starts[at + 1]]
        code = steps[step_starts[at] : step_starts[at + 1]]
        load_constants(fixed, len(read), registers, present)
        for row in range(len(numbers)):
            for place in range(len(read)):
                column = read[place]
                if column < width:
                    value = numbers[row, column] / divisors[column]
                else:
                    value = texts[column - width, row] if column < before else out[row, column - before]
                registers[place], present[place] = value, not np.isnan(value)
            result = run_steps(code, registers, present, len(read) + len(fixed))
            out[row, to[at]] = registers[result] if present[result] else np.nan
