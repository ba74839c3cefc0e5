"""Functions that own no array: they compile into what calls them, and one that makes an array is refused."""

import sys
from typing import NamedTuple

import numpy as np
import pytest
from numba.core.errors import TypingError

from foundation.borrowing import entry, inner, outer, owning


@inner
def square(value: float) -> float:
    return value * value


@outer
def sum_of_squares(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += square(value)
    return total


@owning
def sum_of_cubes(values: np.ndarray) -> float:
    cubes = np.empty(len(values))
    for k in range(len(values)):
        cubes[k] = square(values[k]) * values[k]
    return float(cubes.sum())


@entry
def add_up(values: np.ndarray) -> float:
    return sum_of_squares(values) + sum_of_cubes(values)


@outer
def made() -> float:
    return float(np.zeros(3).sum())


@entry
def ask_made() -> float:
    return made()


class Pair(NamedTuple):
    """Two arrays that a compiled function hands on."""

    one: np.ndarray
    other: np.ndarray


@inner
def pair_of(values: np.ndarray) -> Pair:
    return Pair(values, values)


@owning
def twice(values: np.ndarray) -> float:
    pair, made = pair_of(values), np.zeros(1)
    return float(pair.one.sum() + pair.other.sum() + made[0])


@entry
def lend(values: np.ndarray) -> float:
    return twice(values)


def test_what_an_entry_is_given_is_counted_as_before() -> None:
    values = np.array([1.0, 2.0])
    before = sys.getrefcount(values)
    assert [lend(values) for _ in range(10)] == [6.0] * 10
    assert sys.getrefcount(values) == before
    assert values.base is None
    values.resize(3)  # refused if anybody counted a reference to its memory
    assert values[0] == 1.0


def test_an_entry_answers_as_python_does() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert add_up(values) == 14.0 + 36.0


def test_a_function_that_makes_an_array_is_refused() -> None:
    with pytest.raises(TypingError, match=r"NRT required|returning of array"):
        ask_made()
