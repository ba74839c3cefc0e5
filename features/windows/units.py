"""Keeps running sums of one window, as rows enter and leave.

Sums and sums of squares are held as pairs (`double_double`): a variance survives a mean a billion times its size.
"""

import math

from features.definitions.aggregate import Code
from features.plan.plan_units import UnitKind
from features.windows.double_double import add_pair, product_error, square_error
from foundation.borrowing import inner
from foundation.number_arrays import Float64s

_COUNT, _MOMENTS, _LABELS = int(UnitKind.COUNT), int(UnitKind.MOMENTS), int(UnitKind.LABELS)
_READ_COUNT, _READ_SUM, _READ_MEAN = int(Code.COUNT), int(Code.SUM), int(Code.MEAN)
_READ_LABELS, _READ_LABELLED = int(Code.LABEL_COUNT), int(Code.LABELLED_COUNT)
_READ_RATE, _READ_LABELLED_RATE = int(Code.LABEL_RATE), int(Code.LABELLED_RATE)


@inner
def unit_enter(words: Float64s, row: int, at: int, kind: int, value: float, label: int, sign: float) -> None:
    """Adds (sign 1) or removes (-1) a row with `value` and `label` (0 none, 1 negative, 2 positive), unless the value is NaN."""
    if value != value:
        return
    if kind == _LABELS:
        words[row, at] += sign * (label == 2)
        words[row, at + 1] += sign * (label > 0)
        words[row, at + 2] += sign
        return
    words[row, at] += sign
    if kind == _COUNT:
        return
    if words[row, at] == 0.0:
        for word in range(1, 5 if kind == _MOMENTS else 3):
            words[row, at + word] = 0.0
        return
    add_pair(words, row, at + 1, sign * value)
    if kind == _MOMENTS:
        square = value * value
        add_pair(words, row, at + 3, sign * square)
        words[row, at + 4] += sign * square_error(value, square)


@inner
def unit_value(words: Float64s, row: int, at: int, code: int) -> float:
    """Reads a number of the window, in the column's unit; NaN where it is missing."""
    n = words[row, at]
    if code in (_READ_COUNT, _READ_LABELS):
        return float(n)
    if code == _READ_SUM:
        return float(words[row, at + 1] + words[row, at + 2])
    if code == _READ_MEAN:
        return (words[row, at + 1] + words[row, at + 2]) / n if n > 0 else math.nan
    if code == _READ_LABELLED:
        return float(words[row, at + 1])
    if code == _READ_RATE:
        return n / words[row, at + 2] if words[row, at + 2] > 0 else math.nan
    if code == _READ_LABELLED_RATE:
        return n / words[row, at + 1] if words[row, at + 1] > 0 else math.nan
    return deviation(n, words[row, at + 1], words[row, at + 2], words[row, at + 3], words[row, at + 4])


@inner
def deviation(n: float, s: float, s_rest: float, q: float, q_rest: float) -> float:
    """Computes the sample standard deviation from n, the sum and the sum of squares, each with its remainder."""
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
