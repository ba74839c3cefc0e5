"""Runs what a condition asks of earlier steps."""

import math

from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s
from patterns.sequences.kernels.records import Now, taken
from patterns.sequences.plan.programs import (
    ADD,
    AND,
    ATOM,
    CAPTURE,
    CHOOSE,
    COLUMN,
    CONSTANT,
    COUNT,
    DIVIDE,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    MULTIPLY,
    NEGATE,
    NOT,
    OR,
    QUOTIENT,
    SUBTRACT,
    UNEQUAL,
)
from patterns.sequences.plan.tables import (
    AGGREGATE_WORDS,
    AGGREGATES,
    FIRST,
    FIRST_VALUE,
    LAST_VALUE,
    LIST,
    MAX,
    MIN,
    PRESENT,
    REPEATED,
    ROW,
    SUM,
    Tables,
)

_SUM, _MEAN, _MIN, _MAX, _FIRST, _LAST, KINDS = range(7)
FALSE, TRUE, LACKING = range(3)


@outer
def ask(now: Now, tables: Tables, rule: int, step: int, program: int, record: int, pred: int, stack: Float64s) -> int:
    """Returns whether what a condition asks of earlier steps holds for a partial match: `FALSE`, `TRUE`, or `LACKING` where a value is
    missing and the rule says to skip then.

    Args:
        record: the partial match.
        pred: the step that it ends with; of later ones it has taken nothing.
    """
    top = 0
    for line in range(tables.programs[program], tables.programs[program + 1]):
        instruction, a, b = tables.code[line, 0], tables.code[line, 1], tables.code[line, 2]
        if instruction <= CAPTURE:
            stack[top] = _pushed(now, tables, rule, instruction, a, b, record, pred)
            top += 1
        elif instruction in (NEGATE, NOT):
            stack[top - 1] = -stack[top - 1] if instruction == NEGATE else 1.0 - stack[top - 1]
        elif instruction == CHOOSE:
            top -= 2
            stack[top - 1] = stack[top] if stack[top - 1] != 0.0 else stack[top + 1]
        elif instruction == ATOM:
            if stack[top - 1] != stack[top - 1]:  # a truth that is missing
                if a == LACKING:
                    return LACKING
                stack[top - 1] = float(a)
        else:
            top -= 1
            left, right = stack[top - 1], stack[top]
            if LESS <= instruction <= UNEQUAL and (left != left or right != right):
                if a == LACKING:
                    return LACKING
                stack[top - 1] = float(a)
            else:
                stack[top - 1] = _joined(instruction, left, right)
    return TRUE if stack[0] != 0.0 else FALSE


@inner
def _pushed(now: Now, tables: Tables, rule: int, instruction: int, a: int, b: int, record: int, pred: int) -> float:
    if instruction == CONSTANT:
        return float(tables.constants[a])
    if instruction == COLUMN:
        return float(now.values[now.row, a])
    step = now.rules[rule, FIRST] + a
    count = taken(now, step, record) if step <= pred else 0
    if instruction == COUNT:
        return float(count)
    return _captured(now, step, record, count, b // KINDS, b % KINDS)


@inner
def _joined(instruction: int, left: float, right: float) -> float:
    if instruction == AND:
        return min(left, right)
    if instruction == OR:
        return max(left, right)
    if LESS <= instruction <= UNEQUAL:
        return 1.0 if _compared(instruction, left, right) else 0.0
    return _computed(instruction, left, right)


@inner
def _computed(instruction: int, left: float, right: float) -> float:
    if instruction == ADD:
        return left + right
    if instruction == SUBTRACT:
        return left - right
    if instruction == MULTIPLY:
        return left * right
    if instruction == DIVIDE:
        if right != 0.0:
            return left / right
        return math.nan if left == 0.0 or left != left else math.copysign(math.inf, left) * math.copysign(1.0, right)
    if right == 0.0 or left != left or right != right:  # of whole numbers: an error
        return math.nan
    quotient = math.trunc(left / right)
    return float(quotient) if instruction == QUOTIENT else left - quotient * right


@inner
def _compared(instruction: int, left: float, right: float) -> bool:
    if instruction == LESS:
        return left < right
    if instruction == LESS_EQUAL:
        return left <= right
    if instruction == GREATER:
        return left > right
    if instruction == GREATER_EQUAL:
        return left >= right
    if instruction == EQUAL:
        return left == right
    return left != right


@inner
def _captured(now: Now, step: int, record: int, count: int, capture: int, kind: int) -> float:
    """Returns the sum (0 of none), mean, least, greatest, first or last value of what a step took; NaN where there is none."""
    if count == 0:
        return 0.0 if kind == _SUM else math.nan
    if now.steps[step, AGGREGATES] >= 0:
        at = record + now.steps[step, AGGREGATES] + capture * AGGREGATE_WORDS
        return aggregate(now, at, kind)
    return _of_rows(now, step, record, count, capture, kind)


@inner
def aggregate(now: Now, at: int, kind: int) -> float:
    """Returns one of the aggregates at a word."""
    if kind == _FIRST:
        return float(now.floats[at + FIRST_VALUE])
    if kind == _LAST:
        return float(now.floats[at + LAST_VALUE])
    if kind == _SUM:
        return float(now.floats[at + SUM])
    if now.floats[at + PRESENT] == 0.0:
        return math.nan
    if kind == _MEAN:
        return float(now.floats[at + SUM] / now.floats[at + PRESENT])
    return float(now.floats[at + MIN] if kind == _MIN else now.floats[at + MAX])


@inner
def _of_rows(now: Now, step: int, record: int, count: int, capture: int, kind: int) -> float:
    row = now.steps[step, ROW]
    newest = record + now.steps[step, LIST] + now.steps[step, REPEATED] + 2 + capture
    if kind == _LAST:
        return float(now.floats[newest])
    if kind == _FIRST:
        return float(now.floats[newest + (count - 1) * row])
    present, total, least, greatest = 0, 0.0, math.inf, -math.inf
    for at in range(count - 1, -1, -1):
        value = now.floats[newest + at * row]
        if value == value:
            present += 1
            total += value
            least, greatest = min(least, value), max(greatest, value)
    if kind == _SUM:
        return total
    if present == 0:
        return math.nan
    if kind == _MEAN:
        return total / present
    return least if kind == _MIN else greatest
