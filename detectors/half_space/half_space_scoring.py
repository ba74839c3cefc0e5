"""Scores with Half-Space Trees from a snapshot."""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.half_space.half_space_kernels import add_contributions, path_values, score_rows
from detectors.input_scaling import SCALINGS, WIDTH
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from detectors.scores.recent_scores import LEVELS, mid_ranks
from detectors.snapshot_kind import Form

ARRAYS: Final[Mapping[str, Form]] = {
    "sizes": ("<i8", (5,)),
    "feature": ("<i4", (None, None)),
    "threshold": ("<f8", (None, None)),
    "right_when_missing": ("|u1", (None, None)),
    "r_mass": ("<i4", (None, None)),
    "figures": ("<f8", (None, WIDTH)),
    "score_grid": ("<f8", (None,)),
}
"""The arrays that `HalfSpaceTrees.snapshot` publishes. How their lengths hang together, `HalfSpaceScoring` checks."""


class HalfSpaceScoring:
    """Scores as the learner did when it published `arrays`.

    Contributions follow each row down its trees: a split into a child with less than half of its parent's mass
    raises the score on account of its input. `base` is the score of a row whose path halves the mass at every split.

    Args:
        arrays: arrays of `HalfSpaceTrees.snapshot`.

    Raises:
        ValueError: such a learner cannot have published these arrays.
    """

    scale: Literal["log_odds", "score"] = "score"

    def __init__(self, arrays: Arrays) -> None:
        inputs, self._height, self._window_size, self._scaling, first_window = expect_array(arrays, "sizes", "<i8", (5,)).tolist()
        self.inputs: int = inputs
        if not (1 <= self._height <= 16 and self._window_size >= 1 and self.inputs >= 1 and 0 <= self._scaling < len(SCALINGS)):
            raise ValueError(f"array 'sizes': expected sizes of such a learner, got {arrays['sizes'].tolist()}")
        branches = 2**self._height - 1
        self._feature = expect_array(arrays, "feature", "<i4", (None, branches))
        trees = len(self._feature)
        self._threshold = expect_array(arrays, "threshold", "<f8", (trees, branches))
        self._right_when_missing = expect_array(arrays, "right_when_missing", "|u1", (trees, branches))
        self._r_mass = expect_array(arrays, "r_mass", "<i4", (trees, 2 * branches + 1))
        self._figures = expect_array(arrays, "figures", "<f8", (self.inputs, WIDTH))
        self._grid = expect_array(arrays, "score_grid", "<f8", (None,))
        _check_contents(self._feature, self._right_when_missing, self._grid, self.inputs)
        self._ready = not first_window
        self._score_max = score_ceiling(trees, self._height, self._window_size)
        self.base = 1.0 - trees * self._window_size * (self._height + 1) / self._score_max if self._ready else 0.0
        self._values = np.zeros((trees, branches + 1))
        for tree in range(trees):
            path_values(self._r_mass[tree], mass_limit(self._window_size), self._values[tree])

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] in [0, 1] of the rows of `x` [n, inputs]; 0 before the first window is full."""
        if not self._ready:
            return np.zeros(len(x))
        scores = np.empty(len(x))
        trees = (self._feature, self._threshold, self._right_when_missing, self._height, self._values)
        score_rows(as_matrix(x, self.inputs), self._scaling, self._figures, *trees, self._score_max, scores)
        return scores

    def probability_many(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns mid-ranks [n] among recent scores, in [0, 1]; NaN before the first window is full, and where `raw` is NaN."""
        return mid_ranks(raw, self._grid)

    def contributions_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, inputs] contributions, which with `base` add up to the score; about 1 µs a row with 10 trees of height 8."""
        rows = as_matrix(x, self.inputs)
        shares = np.zeros(rows.shape)
        if self._ready:
            add_contributions(
                rows,
                self._scaling,
                self._figures,
                self._feature,
                self._threshold,
                self._right_when_missing,
                self._height,
                self._r_mass,
                mass_limit(self._window_size),
                self._score_max,
                shares,
            )
        return shares


def mass_limit(window_size: int) -> float:
    """Returns the mass below which a walk stops: a tenth of the window, as in the paper."""
    return 0.1 * window_size


def score_ceiling(trees: int, height: int, window_size: int) -> float:
    """Returns the total of a row whose walks only meet nodes that hold the whole window: the greatest that there is."""
    return float(trees * window_size * (2 ** (height + 1) - 1))


def _check_contents(feature: NDArray[np.int32], right_when_missing: NDArray[np.uint8], grid: NDArray[np.float64], inputs: int) -> None:
    if feature.size == 0 or feature.min() < 0 or feature.max() >= inputs or right_when_missing.max() > 1:
        raise ValueError(f"array 'feature': expected trees that split on inputs 0 to {inputs - 1}, got another")
    if len(grid) not in (0, len(LEVELS)) or not bool(np.all(np.diff(grid) >= 0.0)):
        raise ValueError(f"array 'score_grid': expected {len(LEVELS)} scores in ascending order, got {len(grid)}")
