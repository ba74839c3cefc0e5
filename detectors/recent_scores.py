"""A learner's own latest scores, and where a new score stands among them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = np.concatenate((np.linspace(0.0, 0.99, 100), 1.0 - np.logspace(-2.1, -4.0, 20)))
"""Shares of the latest scores below each point of a grid: even up to 0.99, ever closer from there to 0.9999."""


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


def share_below(raw: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of recent scores below each of `raw`, in [0, 1]: one minus the tail probability.

    Linear between the points of the grid, from 0 at score 0 to 1 at score 1, so that it rises wherever `raw` does.
    All NaN while the grid is empty.
    """
    if not len(grid):
        return np.full(len(raw), np.nan)
    points = np.concatenate(([0.0], grid, [1.0]))
    shares = np.concatenate(([0.0], LEVELS, [1.0]))
    return np.asarray(np.interp(raw, points, shares), np.float64)
