"""Running sums of one window: a row enters, a row leaves, the value comes out.

Sums and sums of squares are carried as an unevaluated pair of float64 (Neumaier's sum; squares with Dekker's exact product),
about 106 bits: what enters and leaves cancels, and a variance survives a mean a billion times its size.
"""

import math

from features.batch import Float64s
from features.compiled import inner
from features.plan import (
    COUNT,
    LABEL_COUNT,
    LABEL_RATE,
    LABELLED_RATE,
    MEAN,
    SUM,
    UNIT_COUNT,
    UNIT_LABELS,
    UNIT_MOMENTS,
)

_SPLIT = 134217729.0  # 2**27 + 1: Dekker's constant to halve a float64's digits


@inner
def add_pair(words: Float64s, row: int, at: int, x: float) -> None:
    """words[row, at] + words[row, at + 1] grows by x."""
    s = words[row, at]
    t = s + x
    if abs(s) >= abs(x):
        words[row, at + 1] += (s - t) + x
    else:
        words[row, at + 1] += (x - t) + s
    words[row, at] = t


@inner
def square_error(x: float, square: float) -> float:
    """The exact x * x - square, where square is the rounded x * x."""
    c = _SPLIT * x
    high = c - (c - x)
    low = x - high
    return ((high * high - square) + 2.0 * high * low) + low * low


@inner
def product_error(x: float, y: float, product: float) -> float:
    """The exact x * y - product, where product is the rounded x * y."""
    c = _SPLIT * x
    x_high = c - (c - x)
    x_low = x - x_high
    c = _SPLIT * y
    y_high = c - (c - y)
    y_low = y - y_high
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


@inner
def unit_enter(words: Float64s, row: int, at: int, kind: int, value: float, label: int, sign: float) -> None:
    """A row with `value` and `label` (0 none, 1 negative, 2 positive) enters (sign 1) or leaves (sign -1)."""
    if kind == UNIT_LABELS:
        words[row, at] += sign * (label == 2)
        words[row, at + 1] += sign * (label > 0)
        words[row, at + 2] += sign
        return
    if value != value:
        return
    words[row, at] += sign
    if kind == UNIT_COUNT:
        return
    if words[row, at] == 0.0:
        for word in range(1, 5 if kind == UNIT_MOMENTS else 3):
            words[row, at + word] = 0.0
        return
    add_pair(words, row, at + 1, sign * value)
    if kind == UNIT_MOMENTS:
        square = value * value
        add_pair(words, row, at + 3, sign * square)
        words[row, at + 4] += sign * square_error(value, square)


@inner
def unit_value(words: Float64s, row: int, at: int, statistic: int) -> float:
    """The statistic, in the column's own counting; NaN where it is missing."""
    n = words[row, at]
    if statistic in (COUNT, LABEL_COUNT):
        return float(n)
    if statistic == SUM:
        return float(words[row, at + 1] + words[row, at + 2])
    if statistic == MEAN:
        return (words[row, at + 1] + words[row, at + 2]) / n if n > 0 else math.nan
    if statistic == LABEL_RATE:
        return n / words[row, at + 2] if words[row, at + 2] > 0 else math.nan
    if statistic == LABELLED_RATE:
        return n / words[row, at + 1] if words[row, at + 1] > 0 else math.nan
    return deviation(n, words[row, at + 1], words[row, at + 2], words[row, at + 3], words[row, at + 4])


@inner
def deviation(n: float, s: float, s_rest: float, q: float, q_rest: float) -> float:
    """Standard deviation of the sample from n, the sum and the sum of squares, each with its rest."""
    if n < 2:
        return math.nan
    sum_high = s + s_rest
    sum_low = s_rest - (sum_high - s)
    squared = sum_high * sum_high
    squared_low = square_error(sum_high, squared) + 2.0 * sum_high * sum_low
    squares_high = q + q_rest
    squares_low = q_rest - (squares_high - q)
    scaled = n * squares_high
    scaled_low = product_error(n, squares_high, scaled) + n * squares_low
    spread = (scaled - squared) + (scaled_low - squared_low)
    return math.sqrt(max(spread, 0.0) / (n * (n - 1.0)))
