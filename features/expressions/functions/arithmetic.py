"""Arithmetic on whole columns: 64-bit integers that overflow into an error, doubles as IEEE 754 has them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.syntax.literals import INT_MIN

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Change = Callable[[Ints, Ints], tuple[Ints, Bools]]
_FAR = 2.0**62


def add_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Sums, and where they do not fit."""
    total = a + b
    return total, ((a ^ total) & (b ^ total)) < 0


def subtract_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Differences, and where they do not fit."""
    difference = a - b
    return difference, ((a ^ b) & (a ^ difference)) < 0


def multiply_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Products, and where they do not fit.

    A product that does not fit is wrong by a multiple of 2**64. The product of doubles is less than 2**14 off while it is below
    2**64, and above that further than 2**62 from any integer of 64 bits.
    """
    product = a * b
    return product, np.abs(doubles(a) * doubles(b) - doubles(product)) > _FAR


def negate_ints(a: Ints) -> tuple[Ints, Bools]:
    """Negatives, and where they do not fit."""
    return -a, a == INT_MIN


def divide_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Quotients rounded towards zero, and where they do not fit; a divisor of 0 is taken for 1."""
    divisor = np.where(b == 0, 1, b)
    overflow = (a == INT_MIN) & (divisor == -1)
    divisor = np.where(overflow, 1, divisor)
    return (a - np.fmod(a, divisor)) // divisor, overflow


def remainder_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Remainders with the sign of the dividend, and where the quotient does not fit; a divisor of 0 is taken for 1."""
    divisor = np.where(b == 0, 1, b)
    overflow = (a == INT_MIN) & (divisor == -1)
    return np.fmod(a, np.where(overflow, 1, divisor)), overflow


def unless_zero(a: Ints) -> tuple[Ints, Bools]:
    """The numbers, and where they are 0."""
    return a, a == 0


def within(low: int, high: int, values: Ints, overflow: Bools) -> tuple[Ints, Bools]:
    """`values`, and where they overflowed or lie outside low to high."""
    return values, overflow | (values < low) | (values > high)


def doubles(a: NDArray[Any]) -> NDArray[np.float64]:
    """The nearest doubles."""
    return np.asarray(a, dtype=np.float64)
