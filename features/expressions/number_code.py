"""Programs that compute with doubles alone, as a table of steps that compiled loops run.

A step takes a nanosecond there. As a call of numpy it takes a microsecond, which a batch of few events pays as one of many does.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.functions import unchanged
from features.expressions.functions.kernel import Plain
from features.expressions.functions.types import Type
from features.expressions.program import Program
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s

_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _NEGATE, _LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL, _EQUAL, _DIFFERENT = range(11)
_OPERATIONS: dict[Callable[..., Any], int] = {
    operator.add: _ADD,
    operator.sub: _SUBTRACT,
    operator.mul: _MULTIPLY,
    np.divide: _DIVIDE,
    operator.neg: _NEGATE,
    operator.lt: _LESS,
    operator.le: _LESS_EQUAL,
    operator.gt: _GREATER,
    operator.ge: _GREATER_EQUAL,
    operator.eq: _EQUAL,
    operator.ne: _DIFFERENT,
}


class NumberCode(NamedTuple):
    """Holds a program whose values are doubles, and comparisons of doubles as 1 and 0. An event that lacks any load lacks the result.

    Args:
        loads: the names of the first registers.
        constants: the registers behind them.
        steps: [m, 3] an operation and the registers that it reads; each step fills the next register, and the last is the result.
        type: DOUBLE or BOOL.
    """

    loads: tuple[str, ...]
    constants: Float64s
    steps: Int64s
    type: Type

    @property
    def size(self) -> int:
        """How many registers there are."""
        return len(self.loads) + len(self.constants) + len(self.steps)


def number_code_of(program: Program, types: Mapping[str, Type]) -> NumberCode | None:
    """Returns the same program as a table; None where it computes with anything but doubles.

    Args:
        types: of the names that it loads; one that is not there is no number.
    """
    constants = [(at, column) for at, column in program.constants if column.type is Type.DOUBLE and column.faults is None]
    if len(constants) < len(program.constants) or any(types.get(name) is not Type.DOUBLE for _, name in program.loads):
        return None
    places = {at: place for place, at in enumerate([at for at, _ in (*program.loads, *constants)])}
    before = len(places)
    of_doubles, last = set(places), Type.DOUBLE
    steps: list[tuple[int, int, int]] = []
    for kernel, inputs, at in program.steps:
        if not of_doubles.issuperset(inputs):
            return None
        read = [places[each] for each in inputs]
        if kernel is unchanged:
            places[at] = read[0]
        elif isinstance(kernel, Plain) and kernel.function in _OPERATIONS:
            places[at], last = before + len(steps), kernel.type
            steps.append((_OPERATIONS[kernel.function], read[0], read[-1]))
        else:
            return None
        if last is Type.DOUBLE:
            of_doubles.add(at)
    if not steps or places[program.result] != before + len(steps) - 1:
        return None
    values = np.array([column.values.item() for _, column in constants], np.float64)
    return NumberCode(tuple(name for _, name in program.loads), values, np.array(steps, np.int64), last)


@inner
def run_steps(steps: NDArray[np.int64], registers: Float64s, first: int) -> float:
    """Runs steps on the values of one event, and returns the last result.

    Args:
        registers: holds loads and constants before `first`; written from there on.
    """
    result = 0.0
    for at in range(len(steps)):
        operation, a, b = steps[at, 0], registers[steps[at, 1]], registers[steps[at, 2]]
        if operation == _ADD:
            result = a + b
        elif operation == _SUBTRACT:
            result = a - b
        elif operation == _MULTIPLY:
            result = a * b
        elif operation == _DIVIDE:
            result = a / b
        elif operation == _NEGATE:
            result = -a
        elif operation == _LESS:
            result = 1.0 if a < b else 0.0
        elif operation == _LESS_EQUAL:
            result = 1.0 if a <= b else 0.0
        elif operation == _GREATER:
            result = 1.0 if a > b else 0.0
        elif operation == _GREATER_EQUAL:
            result = 1.0 if a >= b else 0.0
        elif operation == _EQUAL:
            result = 1.0 if a == b else 0.0
        else:
            result = 1.0 if a != b else 0.0
        registers[first + at] = result
    return result


class Packed(NamedTuple):
    """Holds the codes of several programs one behind the other, as kernels take them.

    Args:
        load_starts, loads: [programs + 1] where the loads of each begin; the columns of a matrix of numbers that they are.
        constant_starts, constants: the same of constants.
        step_starts, steps: the same of steps.
        size: how many registers the largest needs.
    """

    load_starts: Int64s
    loads: Int64s
    constant_starts: Int64s
    constants: Float64s
    step_starts: Int64s
    steps: Int64s
    size: int


def packed(codes: Sequence[NumberCode | None], columns: Mapping[str, int]) -> Packed:
    """Puts codes together; one that is None has no steps.

    Args:
        columns: by name, the column of the matrix of numbers that holds it.
    """
    empty = NumberCode((), np.zeros(0), np.zeros((0, 3), np.int64), Type.DOUBLE)
    each = [code or empty for code in codes]
    return Packed(
        _starts([len(code.loads) for code in each]),
        np.array([columns[name] for code in each for name in code.loads], np.int64),
        _starts([len(code.constants) for code in each]),
        np.concatenate([np.zeros(0), *(code.constants for code in each)]),
        _starts([len(code.steps) for code in each]),
        np.concatenate([np.zeros((0, 3), np.int64), *(code.steps for code in each)]),
        max((code.size for code in each), default=0),
    )


def _starts(counts: Sequence[int]) -> Int64s:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


@inner
def load_row(values: Float64s, row: int, loads: Int64s, constants: Float64s, registers: Float64s) -> bool:
    """Writes the loads of one event and the constants; returns whether the event has all loads.

    Args:
        values: [n, columns] numbers; NaN is missing.
    """
    for at in range(len(loads)):
        value = values[row, loads[at]]
        if np.isnan(value):
            return False
        registers[at] = value
    for at in range(len(constants)):
        registers[len(loads) + at] = constants[at]
    return True
