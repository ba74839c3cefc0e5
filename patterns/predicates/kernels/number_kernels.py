"""Computes costly values that are made of numbers alone, and narrows candidates by them, for all such attributes."""

import numpy as np
from numpy.typing import NDArray

from features.expressions.number_steps import load_constants, run_steps
from foundation.borrowing import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.kernels.cell_kernels import number_of_double
from patterns.predicates.kernels.condition_arrays import FIRST_LATE, ConditionArrays
from patterns.predicates.kernels.index_kernels import FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s
from patterns.predicates.kernels.late_kernels import Candidates, narrow, next_asked

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


@inner
def ask_numbers(
    arrays: ConditionArrays,
    at: int,
    candidates: Candidates,
    values: Float64s,
    asked: Bools,
    cells: Int32s,
    registers: Float64s,
    present: Bools,
) -> int:
    """Goes on from the late attribute `at` for as long as numbers alone are asked for. Returns the attribute at which something else is:
    `asked` [n] then says of which events; as many as there are late attributes, where nobody asks any more.

    Args:
        values: [names, n] as `cell_kernels.gather` writes them.
        cells: [attributes, n] written.
        registers, present: room for the registers of a program.
    """
    while True:
        at = next_asked(arrays, at, candidates, asked)
        if at == len(arrays.kinds) or arrays.kinds[at] == OTHER:
            return at
        attribute = arrays.sizes[FIRST_LATE] + at
        cuts = arrays.cuts[arrays.cut_starts[attribute] : arrays.cut_starts[attribute + 1]]
        read = arrays.loads[arrays.load_starts[at] : arrays.load_starts[at + 1]]
        fixed = arrays.constants[arrays.constant_starts[at] : arrays.constant_starts[at + 1]]
        code = arrays.steps[arrays.step_starts[at] : arrays.step_starts[at + 1]]
        load_constants(fixed, len(read), registers, present)
        for row in range(len(asked)):
            if asked[row]:
                for place in range(len(read)):
                    registers[place] = values[read[place], row]
                    present[place] = not np.isnan(registers[place])
                result = run_steps(code, registers, present, len(read) + len(fixed))
                cells[attribute, row] = _cell_of(registers[result], arrays.kinds[at], cuts) if present[result] else MISSING_CELL
        narrow(arrays, at, candidates, cells[attribute])
        at += 1
