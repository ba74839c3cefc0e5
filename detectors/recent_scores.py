"""A learner's own latest scores, and where a new score stands among them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = np.concatenate((np.linspace(0.0, 0.99, 100), 1.0 - np.logspace(-2.1, -4.0, 20)))
"""Shares of the latest scores below each point of a grid: even up to 0.99, ever closer from there to 0.9999."""

_RANKS: Final = np.concatenate(([0.0], LEVELS, [1.0]))


class RecentScores:
    """The latest scores in a ring; older ones are forgotten, so that the scale follows the stream.

    Args:
        size: scores held, 1 to 1,000,000.
    """

    def __init__(self, size: int) -> None:
        if not 1 <= size <= 1_000_000:
            raise ValueError(f"between 1 and 1,000,000 recent scores, got {size}")
        self.ring = np.zeros(size)
        self.seen = 0

    def add(self, scores: NDArray[np.float64]) -> None:
        """Takes in scores in their order."""
        latest = scores[-len(self.ring) :]
        first = self.seen + len(scores) - len(latest)
        self.ring[(first + np.arange(len(latest))) % len(self.ring)] = latest
        self.seen += len(scores)

    def grid(self) -> NDArray[np.float64]:
        """The scores at LEVELS; empty before the first score. Cost: one sort of the ring."""
        held = self.ring[: self.seen]
        return np.asarray(np.quantile(held, LEVELS) if len(held) else (), np.float64)


def mid_ranks(raw: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mid-rank of each of `raw` among the recent scores, in [0, 1]: the share of them below it and half of those equal to it.

    It is linear between the points of the grid, from 0 at score 0 to 1 at score 1. Where several points of the grid are equal to
    a score, the score gets the middle of their levels, so that a score that everybody has is never an extreme one. The rank is
    NaN for a score that is NaN, and for all of them while the grid is empty.

    Args:
        raw: scores in [0, 1], or NaN.
        grid: of `RecentScores.grid`.
    """
    if not len(grid):
        return np.full(len(raw), np.nan)
    points = np.concatenate(([0.0], grid, [1.0]))
    ranks = np.asarray(np.interp(raw, points, _RANKS), np.float64)  # the level of the last of equal points
    first = np.minimum(np.searchsorted(points, raw), len(points) - 1)
    tied = points[first] == raw
    ranks[tied] = (_RANKS[first[tied]] + ranks[tied]) / 2.0
    return ranks
