"""Runs tables of steps over numbers, in compiled loops; `features.expressions.number_code` makes the tables.

Truths are 1 and 0. Beside its value each register says whether it has one, or is missing: see `features.expressions.expression`.
"""

import numpy as np
from numpy.typing import NDArray

from foundation.compiled import inner
from foundation.number_arrays import Float64s

Bools = NDArray[np.bool_]
ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATE, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, DIFFERENT = range(11)
NOT, BOTH, EITHER, CHOOSE, PROVIDED, PRESENT = range(11, 17)
"""Operations. All before NOT need each of their values. CHOOSE reads whether, and the values to choose from; PROVIDED is its first value
where there is a second one."""


@inner
def load_constants(constants: Float64s, first: int, registers: Float64s, present: Bools) -> None:
    """Writes the constants of a program into the registers from `first` on."""
    for at in range(len(constants)):
        registers[first + at], present[first + at] = constants[at], True


@inner
def run_steps(steps: NDArray[np.int64], registers: Float64s, present: Bools, first: int) -> int:
    """Runs steps on the values of one event, and returns the register of the result.

    Args:
        steps: [m, 4] an operation and the registers that it reads.
        registers: holds loads and constants before `first`; written from there on.
        present: whether each register has a value; written alike.
    """
    for at in range(len(steps)):
        operation, one, other, last = steps[at, 0], steps[at, 1], steps[at, 2], steps[at, 3]
        a, b = registers[one], registers[other]
        has = present[one] and present[other]
        if operation < NOT:
            result = _of_numbers(operation, a, b)
        elif operation == NOT:
            result = 1.0 if a == 0.0 else 0.0
        elif operation == BOTH:
            is_false = (present[one] and a == 0.0) or (present[other] and b == 0.0)
            result, has = 0.0 if is_false else 1.0, has or is_false
        elif operation == EITHER:
            is_true = (present[one] and a != 0.0) or (present[other] and b != 0.0)
            result, has = 1.0 if is_true else 0.0, has or is_true
        elif operation == CHOOSE:
            taken = other if a != 0.0 else last
            result, has = registers[taken], present[one] and present[taken]
        elif operation == PROVIDED:
            result = a
        else:
            result, has = 1.0 if present[one] else 0.0, True
        registers[first + at], present[first + at] = result, has
    return first + len(steps) - 1


@inner
def _of_numbers(operation: int, a: float, b: float) -> float:
    if operation == ADD:
        return a + b
    if operation == SUBTRACT:
        return a - b
    if operation == MULTIPLY:
        return a * b
    if operation == DIVIDE:
        return a / b
    if operation == NEGATE:
        return -a
    if operation == LESS:
        return 1.0 if a < b else 0.0
    if operation == LESS_EQUAL:
        return 1.0 if a <= b else 0.0
    if operation == GREATER:
        return 1.0 if a > b else 0.0
    if operation == GREATER_EQUAL:
        return 1.0 if a >= b else 0.0
    return 1.0 if (a == b) == (operation == EQUAL) else 0.0
