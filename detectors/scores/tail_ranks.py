"""Ranks a number among others that came before: its empirical upper-tail probability, which a Pareto tail continues beyond them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.missing import is_present
from detectors.scores.pareto_tail import fit, survival

LEVELS: Final = np.linspace(0.0, 0.99, 100)
"""The share of the others below each point of a grid; what lies above the last one is the tail."""
TAIL_WIDTH: Final = 2
"""The numbers of a tail: shape and scale; a scale of 0 says that nothing lies above the grid."""
NOTHING_KNOWN: Final = 0.5
"""The rank of everything before the first number."""


def fit_ranks(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the grid [`LEVELS`] of values [n] in any order, none missing, and their tail [`TAIL_WIDTH`]; of none a grid of NaN."""
    tail = np.zeros(TAIL_WIDTH)
    if not len(values):
        return np.full(len(LEVELS), np.nan), tail
    grid = np.asarray(np.quantile(values, LEVELS, method="inverted_cdf"), np.float64)
    above = np.ascontiguousarray(values[values > grid[-1]]) - grid[-1]
    if len(above):
        fit(above, tail)
    return grid, tail


@compiled("float64(float64, float64[:], float64[:], float64[:])")
def rank_of(value: float, grid: NDArray[np.float64], levels: NDArray[np.float64], tail: NDArray[np.float64]) -> float:
    """Returns the mid-rank of `value` in [0, 1]: the share of the others below it, and half of those equal to it.

    It is 1 - p of the upper tail, and `NOTHING_KNOWN` where the value is missing or the grid is NaN.
    """
    last = len(grid) - 1
    if not is_present(value) or np.isnan(grid[0]):
        return NOTHING_KNOWN
    if value > grid[last]:
        if tail[1] <= 0.0:
            return 1.0
        return float(1.0 - (1.0 - levels[last]) * survival(value - grid[last], tail[0], tail[1]))
    first = np.searchsorted(grid, value)
    end = first
    while end <= last and grid[end] == value:
        end += 1
    if end > last and first <= last and tail[1] <= 0.0:
        return float(0.5 * (levels[first] + 1.0))
    if end > first:
        return float(0.5 * (levels[first] + levels[end - 1]))
    if first == 0:
        return 0.0
    share = (value - grid[first - 1]) / (grid[first] - grid[first - 1])
    return float(levels[first - 1] + (levels[first] - levels[first - 1]) * share)
