"""Defines operators with their kernels."""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from features.expressions.functions import arithmetic, texts, times
from features.expressions.functions.arithmetic import Bools, Change, Ints, within
from features.expressions.functions.column import Column, Fault
from features.expressions.functions.comparison import TextOrder, same_texts
from features.expressions.functions.kernel import Checked, Kernel, Plain
from features.expressions.functions.lookup import Lookup
from features.expressions.functions.overloads import Overload, Overloads
from features.expressions.functions.types import Type

BOOL, INT, DOUBLE, STRING, TIMESTAMP, DURATION = Type
NUMBER_COST = 2
CHECKED_COST = 8
DIVIDED_COST = 20
TEXT_COST = 250
CONSTANT_TEXT_COST = 5
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NUMBERS = [(INT, INT), (DOUBLE, DOUBLE), (INT, DOUBLE), (DOUBLE, INT)]

NOT = Plain(BOOL, np.logical_not)
SAME = Plain(BOOL, operator.eq)


def different(a: Column, b: Column) -> Column:
    """Tells whether two texts are not equal."""
    return NOT(same_texts(a, b))


def add_operators(overloads: Overloads) -> None:
    """Defines arithmetic and comparisons."""
    _add_ints(overloads)
    _add_doubles(overloads)
    _add_times(overloads)
    overloads.add("+", (STRING, STRING), Lookup(STRING, texts.concatenated), TEXT_COST * 2)
    overloads.add("!_", (BOOL,), NOT, NUMBER_COST)
    for name, holds in _ORDERS.items():
        for types in [*_NUMBERS, (BOOL, BOOL), (TIMESTAMP, TIMESTAMP), (DURATION, DURATION)]:
            overloads.add(name, types, Plain(BOOL, holds), NUMBER_COST)
        overloads.put(Overload(name, (STRING, STRING), BOOL, TextOrder(holds), TEXT_COST))
    _add_equality(overloads, "==", SAME, same_texts)
    _add_equality(overloads, "!=", Plain(BOOL, operator.ne), different)


def _add_ints(overloads: Overloads) -> None:
    both = (INT, INT)
    overloads.add("+", both, Checked(INT, arithmetic.add_ints, Fault.OUT_OF_RANGE), CHECKED_COST)
    overloads.add("-", both, Checked(INT, arithmetic.subtract_ints, Fault.OUT_OF_RANGE), CHECKED_COST)
    overloads.add("*", both, Checked(INT, arithmetic.multiply_ints, Fault.OUT_OF_RANGE), CHECKED_COST)
    overloads.put(Overload("/", both, INT, _divided(arithmetic.divide_ints), DIVIDED_COST))
    overloads.put(Overload("%", both, INT, _divided(arithmetic.remainder_ints), DIVIDED_COST))
    overloads.add("-_", (INT,), Checked(INT, arithmetic.negate_ints, Fault.OUT_OF_RANGE), CHECKED_COST)


def _add_doubles(overloads: Overloads) -> None:
    both = (DOUBLE, DOUBLE)
    functions: dict[str, Callable[..., Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": np.divide}
    for name, function in functions.items():
        overloads.add(name, both, Plain(DOUBLE, function), NUMBER_COST)
    overloads.add("-_", (DOUBLE,), Plain(DOUBLE, operator.neg), NUMBER_COST)


def _add_times(overloads: Overloads) -> None:
    for name, types, result in (
        ("+", (TIMESTAMP, DURATION), TIMESTAMP),
        ("+", (DURATION, TIMESTAMP), TIMESTAMP),
        ("+", (DURATION, DURATION), DURATION),
        ("-", (TIMESTAMP, DURATION), TIMESTAMP),
        ("-", (TIMESTAMP, TIMESTAMP), DURATION),
        ("-", (DURATION, DURATION), DURATION),
    ):
        change = arithmetic.add_ints if name == "+" else arithmetic.subtract_ints
        ends = (times.TIMESTAMP_MIN_US, times.TIMESTAMP_MAX_US)
        low, high = ends if result is TIMESTAMP else (-times.DURATION_MAX_US, times.DURATION_MAX_US)
        bounded = partial(_bounded, change, low, high)
        overloads.add(name, types, Checked(result, bounded, Fault.OUT_OF_RANGE), CHECKED_COST)


def _bounded(change: Change, low: int, high: int, a: Ints, b: Ints) -> tuple[Ints, Bools]:
    return within(low, high, *change(a, b))


def _add_equality(overloads: Overloads, name: str, numbers: Plain, strings: Kernel) -> None:
    for types in [*_NUMBERS, (BOOL, BOOL), (TIMESTAMP, TIMESTAMP), (DURATION, DURATION)]:
        overloads.add(name, types, numbers, NUMBER_COST)
    overloads.put(Overload(name, (STRING, STRING), BOOL, strings, TEXT_COST))


def _divided(divide: Change) -> Kernel:
    nonzero = Checked(INT, arithmetic.unless_zero, Fault.DIVIDED_BY_ZERO)
    quotient = Checked(INT, divide, Fault.OUT_OF_RANGE)

    def kernel(a: Column, b: Column) -> Column:
        return quotient(a, nonzero(b))

    return kernel
