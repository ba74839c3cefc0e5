"""Half-Space Trees: scores how anomalous a row is, learned from every row without labels.

Tan, Ting and Liu: Fast anomaly detection for streaming data. IJCAI 2011. This is River's `anomaly.HalfSpaceTrees` in arrays: it grows
the same trees for the same seed, and gives the same scores to rows without a missing input.
"""

import operator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.half_space.half_space_forest import box_of, check_sizes, grow_forest
from detectors.half_space.half_space_kernels import add_leaf_values, learn_rows, path_values
from detectors.half_space.half_space_scoring import mass_limit, score_ceiling
from detectors.input_scaling import SCALINGS, newborn, scale_rows
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from detectors.scores.recent_scores import RecentScores


class HalfSpaceTrees:
    """Grows trees that halve the space at random; a row that falls where few rows of the last full window fell is anomalous.

    Scores lie in [0, 1], higher is more anomalous; they are 0 until the first window is full. A missing input follows the
    heavier child of the last full window and the one being filled together, so that it never makes a row anomalous; River looks only at the
    window being filled, in which the first rows find no mass anywhere. Learning costs about 0.4 µs a
    row and scoring 0.3 µs with 10 trees of height 8.

    >>> import numpy as np
    >>> trees = HalfSpaceTrees(2, window_size=100)
    >>> trees.learn_many(np.random.default_rng(1).uniform(0.4, 0.6, size=(200, 2)))
    >>> trees.score_many(np.array([[0.5, 0.5], [0.5, 0.1], [0.9, 0.1]])).round(2).tolist()
    [0.58, 0.98, 0.99]

    Args:
        inputs: number of inputs in a row, at least 1. River orders its trees' inputs by name; here they stand by position.
        n_trees: number of trees, at least 1.
        height: height of each tree, 1 to 16; a tree has 2**(height + 1) - 1 nodes.
        window_size: number of rows of a window, at least 1; scores use the masses of the last full window.
        limits: (low, high) of each input after scaling, by position; [0, 1] for all by default.
        seed: seed of the random trees.
        scaling: one of `detectors.input_scaling.SCALINGS`; its figures are learned with the rows.
        recent_scores: number of own latest scores that probabilities are taken from.

    Raises:
        ValueError: a parameter is outside its range.
        TypeError: a parameter that must be an integer is a fraction.
    """

    labelled: ClassVar[bool] = False

    def __init__(
        self,
        inputs: int,
        n_trees: int = 10,
        height: int = 8,
        window_size: int = 250,
        limits: list[tuple[float, float]] | None = None,
        seed: int = 42,
        scaling: str = "none",
        recent_scores: int = 20_000,
    ) -> None:
        for whole in (inputs, n_trees, height, window_size, seed, recent_scores):
            operator.index(whole)
        check_sizes(inputs, n_trees, height, window_size)
        if scaling not in SCALINGS:
            raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
        self.inputs = inputs
        self.cost_ns = 3.5 * n_trees * height
        self.height = height
        self.window_size = window_size
        self._feature, self._threshold = grow_forest(box_of(limits, inputs), n_trees, height, seed)
        self._l_mass = np.zeros((n_trees, 2 ** (height + 1) - 1), np.int32)
        self._r_mass = np.zeros_like(self._l_mass)
        self._values = np.zeros((n_trees, 2**height))
        self._filled = 0
        self._first_window = True
        self._scaling = SCALINGS.index(scaling)
        self._figures = newborn(scaling, inputs)
        self._recent = RecentScores(recent_scores)

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None = None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] in their order; ignores `y`."""
        rows = as_matrix(x, self.inputs)
        scaled = np.empty_like(rows)
        scale_rows(self._scaling, True, self._figures, rows, scaled)
        total = np.zeros(len(scaled))
        first = 0
        while first < len(scaled):
            last = min(len(scaled), first + self.window_size - self._filled)
            self._learn_within_window(scaled, first, last, total)
            first = last

    def learn_one(self, x: NDArray[np.float64]) -> None:
        """Learns one row [inputs]."""
        self.learn_many(np.reshape(x, (1, -1)))

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] of the rows of `x` by what is learned so far; changes nothing."""
        rows = as_matrix(x, self.inputs)
        total = np.zeros(len(rows))
        if self._first_window:
            return total
        scaled = np.empty_like(rows)
        scale_rows(self._scaling, False, self._figures, rows, scaled)
        add_leaf_values(scaled, self._feature, self._threshold, self._right_when_missing(), self.height, self._values, total)
        return 1.0 - total / self._score_max()

    def score_one(self, x: NDArray[np.float64]) -> float:
        """Returns the score of one row [inputs]."""
        return float(self.score_many(np.reshape(x, (1, -1)))[0])

    def snapshot(self) -> Arrays:
        """Returns the arrays that `HalfSpaceScoring` takes."""
        return {
            "feature": self._feature.copy(),
            "threshold": self._threshold.copy(),
            "right_when_missing": self._right_when_missing(),
            "r_mass": self._r_mass.copy(),
            "sizes": np.array([self.inputs, self.height, self.window_size, self._scaling, self._first_window], np.int64),
            "figures": self._figures.copy(),
            "score_grid": self._recent.grid(),
        }

    def state(self) -> Arrays:
        """Returns masses of both windows, figures of the scaling, and recent scores. The trees grow again from the seed."""
        return {
            "l_mass": self._l_mass.copy(),
            "r_mass": self._r_mass.copy(),
            "counts": np.array([self._filled, self._first_window, self._recent.seen], np.int64),
            "figures": self._figures.copy(),
            "recent_scores": self._recent.ring.copy(),
        }

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: the state is of a learner with other parameters; nothing has changed then.
        """
        l_mass = expect_array(state, "l_mass", "<i4", self._l_mass.shape)
        r_mass = expect_array(state, "r_mass", "<i4", self._r_mass.shape)
        counts = expect_array(state, "counts", "<i8", (3,))
        figures = expect_array(state, "figures", "<f8", self._figures.shape)
        ring = expect_array(state, "recent_scores", "<f8", self._recent.ring.shape)
        self._l_mass, self._r_mass, self._figures, self._recent.ring = l_mass, r_mass, figures, ring
        self._filled, self._first_window, self._recent.seen = int(counts[0]), bool(counts[1]), int(counts[2])
        self._revalue()

    def _learn_within_window(self, scaled: NDArray[np.float64], first: int, last: int, total: NDArray[np.float64]) -> None:
        learn_rows(scaled, first, last, self._feature, self._threshold, self._l_mass, self._r_mass, self.height, self._values, total)
        if not self._first_window:
            self._recent.add(1.0 - total[first:last] / self._score_max())
        self._filled += last - first
        if self._filled == self.window_size:
            self._r_mass, self._l_mass = self._l_mass, self._r_mass
            self._l_mass[:] = 0
            self._filled = 0
            self._first_window = False
            self._revalue()

    def _revalue(self) -> None:
        limit = mass_limit(self.window_size)
        for tree in range(len(self._values)):
            path_values(self._r_mass[tree], limit, self._values[tree])

    def _right_when_missing(self) -> NDArray[np.uint8]:
        mass = self._l_mass + self._r_mass
        return np.ascontiguousarray(mass[:, 1::2] < mass[:, 2::2]).astype(np.uint8)

    def _score_max(self) -> float:
        return score_ceiling(len(self._values), self.height, self.window_size)
