"""Arithmetic on whole columns: 64-bit integers whose overflow is an error, and doubles as in IEEE 754."""

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
    """Returns sums [n], and where they overflow."""
    total = a + b
    return total, ((a ^ total) & (b ^ total)) < 0


def subtract_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Returns differences [n], and where they overflow."""
    difference = a - b
    return difference, ((a ^ b) & (a ^ difference)) < 0


def multiply_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Returns products [n], and where they overflow.

    An overflowed product is wrong by a multiple of 2**64. The product of doubles is less than 2**14 off while it is below
    2**64, and above that it is further than 2**62 from any integer of 64 bits.
    """
    product = a * b
    return product, np.abs(doubles(a) * doubles(b) - doubles(product)) > _FAR


def negate_ints(a: Ints) -> tuple[Ints, Bools]:
    """Returns negatives [n], and where they overflow."""
    return -a, a == INT_MIN


def divide_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Returns quotients [n] rounded towards zero, and where they overflow; a divisor of 0 is taken for 1."""
    divisor = np.where(b == 0, 1, b)
    overflow = (a == INT_MIN) & (divisor == -1)
    divisor = np.where(overflow, 1, divisor)
    return (a - np.fmod(a, divisor)) // divisor, overflow


def remainder_ints(a: Ints, b: Ints) -> tuple[Ints, Bools]:
    """Returns remainders [n] with the sign of the dividend, and where the quotient overflows; a divisor of 0 is taken for 1."""
    divisor = np.where(b == 0, 1, b)
    overflow = (a == INT_MIN) & (divisor == -1)
    return np.fmod(a, np.where(overflow, 1, divisor)), overflow


def unless_zero(a: Ints) -> tuple[Ints, Bools]:
    """Returns the numbers, and where they are 0."""
    return a, a == 0


def within(low: int, high: int, values: Ints, overflow: Bools) -> tuple[Ints, Bools]:
    """Returns `values`, and where they overflowed or lie outside [low, high]."""
    return values, overflow | (values < low) | (values > high)


def doubles(a: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the nearest doubles."""
    return np.asarray(a, dtype=np.float64)
