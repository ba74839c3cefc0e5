"""Holds numbers as an unevaluated pair of float64, with about 106 bits.

It uses Neumaier's sum, and products with Dekker's exact error. What enters a sum and leaves it again cancels.
"""

from foundation.borrowing import inner
from foundation.number_arrays import Float64s

_SPLIT = 134217729.0  # 2**27 + 1: Dekker's constant to halve a float64's digits


@inner
def add_pair(words: Float64s, row: int, at: int, x: float) -> None:
    """Adds x to the pair words[row, at] + words[row, at + 1]."""
    s = words[row, at]
    t = s + x
    if abs(s) >= abs(x):
        words[row, at + 1] += (s - t) + x
    else:
        words[row, at + 1] += (x - t) + s
    words[row, at] = t


@inner
def square_error(x: float, square: float) -> float:
    """Returns the exact x * x - square, where square is the rounded x * x."""
    c = _SPLIT * x
    high = c - (c - x)
    low = x - high
    return ((high * high - square) + 2.0 * high * low) + low * low


@inner
def product_error(x: float, y: float, product: float) -> float:
    """Returns the exact x * y - product, where product is the rounded x * y."""
    c = _SPLIT * x
    x_high = c - (c - x)
    x_low = x - x_high
    c = _SPLIT * y
    y_high = c - (c - y)
    y_low = y - y_high
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
