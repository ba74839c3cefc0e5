"""Keeps means of values whose weight decays with age: it halves with each half-life.

This is forward decay (Cormode, Shkapenyuk, Srivastava, Xu 2009): a row weighs 2 ** ((its time - landmark) / half-life), for ever; the sums
are plain sums, from which a row can be removed, and only quotients of two sums are read. The landmark moves on by whole half-lives before
weights grow too large: all sums are multiplied by a power of two, which is exact. The cells are: landmark in half-lives, rows, and as pairs
(`double_double`) the sums of weights, of weighted values and of weighted squares.
"""

import math

from features.layout.layout import DECAYED_WORDS
from features.windows.double_double import add_pair, product_error
from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s

LANDMARK, N, WEIGHTS, VALUES, SQUARES = 0, 1, 2, 4, 6
_FAR = 400.0
_LEAST = -1000.0


@outer
def decayed_enter(words: Float64s, row: int, at: int, value: float, time_ms: int, half_life_ms: int, sign: float) -> None:
    """Adds (sign 1) or removes (-1) a row."""
    words[row, at + N] += sign
    if words[row, at + N] == 0.0:
        for word in range(DECAYED_WORDS):
            words[row, at + word] = 0.0
        return
    if sign > 0.0 and words[row, at + N] == 1.0:
        words[row, at + LANDMARK] = float(time_ms // half_life_ms)
    age = age_of(words[row, at + LANDMARK], time_ms, half_life_ms)
    if age > _FAR:
        move_landmark(words, row, at, float(time_ms // half_life_ms))
        age = age_of(words[row, at + LANDMARK], time_ms, half_life_ms)
    weight = sign * 2.0**age if age > _LEAST else 0.0
    add_pair(words, row, at + WEIGHTS, weight)
    add_product(words, row, at + VALUES, weight, value)
    square = value * value
    add_product(words, row, at + SQUARES, weight, square)
    add_pair(words, row, at + SQUARES, weight * product_error(value, value, square))


@inner
def age_of(landmark: float, time_ms: int, half_life_ms: int) -> float:
    """Returns the half-lives since the landmark; subtracts integers first, because the quotients are too large."""
    return (time_ms - int(landmark) * half_life_ms) / half_life_ms


@inner
def add_product(words: Float64s, row: int, at: int, x: float, y: float) -> None:
    """Adds x * y to the pair, with the product's rounding error."""
    product = x * y
    add_pair(words, row, at, product)
    words[row, at + 1] += product_error(x, y, product)


@inner
def move_landmark(words: Float64s, row: int, at: int, landmark: float) -> None:
    """Multiplies all sums so that they are relative to a later landmark."""
    factor = 2.0 ** max(words[row, at + LANDMARK] - landmark, _LEAST)
    for word in range(WEIGHTS, DECAYED_WORDS):
        words[row, at + word] *= factor
    words[row, at + LANDMARK] = landmark


@inner
def decayed_mean(words: Float64s, row: int, at: int) -> float:
    """Returns the weighted mean; NaN without rows, and where the remaining rows weigh nothing beside one that was removed."""
    if words[row, at + N] <= 0.0:
        return math.nan
    return float((words[row, at + VALUES] + words[row, at + VALUES + 1]) / (words[row, at + WEIGHTS] + words[row, at + WEIGHTS + 1]))


@inner
def decayed_std(words: Float64s, row: int, at: int) -> float:
    """Returns the weighted standard deviation; NaN below two rows."""
    if words[row, at + N] < 2.0:
        return math.nan
    w, w_rest = normal(words, row, at + WEIGHTS)
    if w <= 0.0:
        return math.nan
    v, v_rest = normal(words, row, at + VALUES)
    q, q_rest = normal(words, row, at + SQUARES)
    scaled, squared = w * q, v * v
    scaled_rest = product_error(w, q, scaled) + w * q_rest + w_rest * q
    squared_rest = product_error(v, v, squared) + 2.0 * v * v_rest
    return math.sqrt(max((scaled - squared) + (scaled_rest - squared_rest), 0.0)) / w


@inner
def normal(words: Float64s, row: int, at: int) -> tuple[float, float]:
    """Returns the pair with a second number smaller than the last digit of the first."""
    total = words[row, at] + words[row, at + 1]
    return total, (words[row, at] - total) + words[row, at + 1]
