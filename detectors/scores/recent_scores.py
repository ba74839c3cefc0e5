"""Keeps a learner's own latest scores, and ranks a new score among them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.filled_arrays import filled

LEVELS: Final = np.concatenate((np.linspace(0.0, 0.99, 100), 1.0 - np.logspace(-2.1, -4.0, 20)))
"""The share of the latest scores below each point of a grid: evenly spaced up to 0.99, ever closer from there to 0.9999."""


class RecentScores:
    """Keeps the latest scores in a ring buffer; older ones are forgotten, so that the scale follows the stream.

    Args:
        size: number of scores held, 1 to 1,000,000.
    """

    def __init__(self, size: int) -> None:
        if not 1 <= size <= 1_000_000:
            raise ValueError(f"expected 1 to 1,000,000 recent scores, got {size}")
        self.ring = np.zeros(size)
        self.seen = 0

    def add(self, scores: NDArray[np.float64]) -> None:
        """Adds scores in their order."""
        latest = scores[-len(self.ring) :]
        first = self.seen + len(scores) - len(latest)
        self.ring[(first + np.arange(len(latest))) % len(self.ring)] = latest
        self.seen += len(scores)

    def grid(self) -> NDArray[np.float64]:
        """Returns the scores at LEVELS; empty before the first score. It costs one sort of the ring."""
        held = self.ring[: self.seen]
        return np.asarray(np.quantile(held, LEVELS) if len(held) else (), np.float64)


def mid_ranks(raw: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mid-rank of each of `raw` [n] in [0, 1]: the share of recent scores below it plus half of those equal to it.

    It is linear between the points of the grid, from 0 at score 0 to 1 at score 1. Where several points of the grid are equal to
    a score, the score gets the middle of their levels, so that a score that everybody has is never an extreme one. The rank is
    NaN for a score that is NaN, and for all of them while the grid is empty.

    Args:
        raw: scores in [0, 1], or NaN.
        grid: result of `RecentScores.grid`.
    """
    ranks = filled(len(raw), np.nan)
    if len(grid):
        _rank(raw, grid, LEVELS, ranks)
    return ranks


@compiled("void(float64[::1], float64[::1], float64[::1], float64[::1])")
def _rank(raw: NDArray[np.float64], grid: NDArray[np.float64], levels: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    for row in range(len(raw)):
        score = raw[row]
        if np.isnan(score):
            continue
        first = np.searchsorted(grid, score)  # points below the score; from here on to `end` they are equal to it
        end = first
        while end < len(grid) and grid[end] == score:
            end += 1
        if end > first:
            out[row] = (levels[first] + levels[end - 1]) / 2.0
            continue
        below, level = (grid[first - 1], levels[first - 1]) if first > 0 else (0.0, 0.0)
        above, level_above = (grid[first], levels[first]) if first < len(grid) else (1.0, 1.0)
        out[row] = level + (level_above - level) / (above - below) * (score - below)
