"""Kernels: the generalised Pareto distribution of what lies above a high threshold, fitted by the greatest likelihood.

Pickands: Statistical inference using extreme order statistics. Annals of Statistics 3, 1975. The likelihood is a function of one number
once the shape follows from it: Grimshaw: Computing maximum likelihood estimates for the generalized Pareto distribution. Technometrics
35, 1993.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

SHAPE_MAX: Final = 1.0
"""The greatest shape: beyond it the tail would have no mean.

The least is 0, an exponential tail: a negative one ends at a value that a few dozen excesses cannot know, and all beyond it would be
equally impossible."""
_NEARLY_ZERO: Final = 1e-9
_GRID: Final = 7
_GOLDEN: Final = 0.6180339887498949
_STEPS: Final = 16


@compiled("float64(float64, float64, float64)")
def survival(excess: float, shape: float, scale: float) -> float:
    """Returns the probability that an excess is greater than `excess`; the scale is above 0, all else at least 0."""
    if shape < _NEARLY_ZERO:
        return math.exp(-excess / scale)
    return float((1.0 + shape * excess / scale) ** (-1.0 / shape))


@compiled("float64(float64, float64, float64)")
def excess_at(probability: float, shape: float, scale: float) -> float:
    """Returns the excess whose `survival` is `probability`, which is above 0 and at most 1."""
    if shape < _NEARLY_ZERO:
        return -scale * math.log(probability)
    return float(scale / shape * (probability**-shape - 1.0))


@compiled("float64(float64[:], float64)")
def _shape_at(excesses: NDArray[np.float64], ratio: float) -> float:
    total = 0.0
    for excess in excesses:
        total += math.log1p(ratio * excess)
    return total / len(excesses)


@compiled("float64(float64[:], float64, float64, float64)")
def _likelihood(excesses: NDArray[np.float64], mean: float, largest: float, place: float) -> float:
    """Returns the log likelihood of an excess where shape / scale is (exp(place) - 1) / largest, and the shape the best for it."""
    ratio = math.expm1(place) / largest
    if place < _NEARLY_ZERO:
        return -math.log(mean) - 1.0
    shape = _shape_at(excesses, ratio)
    if shape > SHAPE_MAX:
        return -math.inf
    return -math.log(shape / ratio) - shape - 1.0


@compiled("void(float64[:], float64[:])")
def fit(excesses: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fits shape and scale to excesses above 0, at least one, and writes both into `out`.

    The shape lies in [0, `SHAPE_MAX`]. Fewer than 5, or all alike, are taken for
    exponential: shape 0, and the mean for a scale. About 0.3 µs an excess.
    """
    mean, largest, least = 0.0, 0.0, math.inf
    for excess in excesses:
        mean += excess / len(excesses)
        largest = max(largest, excess)
        least = min(least, excess)
    out[0], out[1] = 0.0, mean
    if len(excesses) < 5 or largest <= least:
        return
    best, place, step = -math.log(mean) - 1.0, 0.0, 1.0
    for cell in range(1, _GRID):
        at = cell * step
        found = _likelihood(excesses, mean, largest, at)
        if found > best:
            best, place = found, at
    low, high = max(place - step, 0.0), place + step
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = _likelihood(excesses, mean, largest, inner), _likelihood(excesses, mean, largest, outer)
    for _ in range(_STEPS):
        if at_inner > at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = _likelihood(excesses, mean, largest, inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = _likelihood(excesses, mean, largest, outer)
    at = 0.5 * (low + high)
    if _likelihood(excesses, mean, largest, at) >= best and at >= _NEARLY_ZERO:
        place = at
    if place >= _NEARLY_ZERO:
        ratio = math.expm1(place) / largest
        out[0] = _shape_at(excesses, ratio)
        out[1] = out[0] / ratio
