"""Fills columns of events: with their own numbers and texts, and with what tables of steps make of these."""

from typing import Final, NamedTuple

import numpy as np

from detectors.compiled import compiled
from features.expressions.number_code import Packed
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


class Filling(NamedTuple):
    """Says how columns are filled, in two arrays: each that a kernel is given costs a tenth of a call.

    Args:
        words: where each of the parts begins that follow one another behind that, and where the last one ends; the parts are `sources`,
            the integers of the programs, the columns `to` which each of these writes, and how many registers they need.
        numbers: what programs take the numbers of events divided by, and the constants of the programs.
    """

    words: Int64s
    numbers: Float64s


def filling_of(sources: Int64s, divisors: Float64s, programs: Packed, to: Int64s) -> Filling:
    """Returns how `fill` fills columns.

    Args:
        sources: [columns of `out`] the column of `numbers` that is written there, or behind all of these the row of `texts`; `NOWHERE`: NaN
            is. Where there are none, `out` is left as it is.
        divisors: [columns of the schema] what programs take numbers divided by.
        programs: their loads are the columns of `numbers`, then the rows of `texts`, then the columns of `out` as programs before have left
            them.
        to: [programs] columns of `out`.
    """
    integers = (programs.load_starts, programs.loads, programs.constant_starts, programs.step_starts, programs.steps.ravel())
    parts = (sources, *integers, to, np.array([programs.size], np.int64))
    starts = np.cumsum([len(parts) + 1, *map(len, parts)], dtype=np.int64)
    return Filling(np.concatenate([starts, *parts]), np.concatenate([divisors, programs.constants]))


@inner
def _part(words: Int64s, at: int) -> Int64s:
    return words[words[at] : words[at + 1]]


@compiled("void(float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], float64[:, ::1])")
def fill(numbers: Float64s, texts: Float64s, words: Int64s, given: Float64s, out: Float64s) -> None:
    """Writes the columns that events have as they are, and behind them what each program gives into its own column.

    Args:
        numbers: [n, columns of the schema] numbers of the events; NaN is missing.
        texts: [texts, n] hashes of texts, or their numbers; NaN is missing.
        words, given: see `Filling`.
        out: [n, columns] read and written. A program that gives nothing leaves NaN.
    """
    _place(numbers, texts, _part(words, 0), out)
    load_starts, loads, constant_starts = _part(words, 1), _part(words, 2), _part(words, 3)
    step_starts, steps, to, size = _part(words, 4), _part(words, 5).reshape((-1, 4)), _part(words, 6), _part(words, 7)[0]
    width, before = numbers.shape[1], numbers.shape[1] + len(texts)
    registers, present = np.empty(size), np.empty(size, np.bool_)
    for at in range(len(to)):
        read = loads[load_starts[at] : load_starts[at + 1]]
        fixed = given[width + constant_starts[at] : width + constant_starts[at + 1]]
        code = steps[step_starts[at] : step_starts[at + 1]]
        load_constants(fixed, len(read), registers, present)
        for row in range(len(numbers)):
            for place in range(len(read)):
                column = read[place]
                if column < width:
                    value = numbers[row, column] / given[column]
                else:
                    value = texts[column - width, row] if column < before else out[row, column - before]
                registers[place], present[place] = value, not np.isnan(value)
            result = run_steps(code, registers, present, len(read) + len(fixed))
            out[row, to[at]] = registers[result] if present[result] else np.nan
