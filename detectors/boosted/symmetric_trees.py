"""Scores with boosted symmetric trees, which were fitted elsewhere, from a snapshot.

Prokhorenkova, Gusev, Vorobev, Dorogush, Gulin: CatBoost: unbiased boosting with categorical features. NeurIPS 2018.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.boosted.leaf_shares import LEVELS_MAX, expected_values, shares_of_leaves
from detectors.boosted.tree_kernels import add_leaf_values, add_shares
from detectors.learner import Arrays
from detectors.log_odds import probability_of
from detectors.matrix import as_matrix
from detectors.snapshot_kind import Form

BORDERS_MAX: Final = 255
"""Of one input: bins are bytes."""
ARRAYS: Final[Mapping[str, Form]] = {
    "borders": ("<f8", (None,)),
    "border_counts": ("<i4", (None,)),
    "missing_is_greatest": ("|u1", (None,)),
    "split_input": ("<i4", (None, None)),
    "split_bin": ("|u1", (None, None)),
    "leaf_values": ("<f8", (None, None)),
    "leaf_weights": ("<f8", (None, None)),
    "bias": ("<f8", (1,)),
}
"""The arrays of a boosted model. How their lengths hang together, `BoostedScoring` checks."""


class BoostedScoring:
    """Scores rows by the sum of one leaf of each tree, which is the log odds of fraud.

    A level of a tree asks whether the bin of its input is greater than `split_bin`; `BORDERS_MAX` is never exceeded. Contributions are
    Shapley values, see `detectors.boosted.leaf_shares`; `base` is the mean log odds of the rows that were fitted.

    Args:
        arrays: `borders` of all inputs one after the other, ascending within each; `border_counts` [inputs]; `missing_is_greatest` [inputs]
            0 where a missing number is below all borders, else 1; `split_input` and `split_bin` [trees, levels]; `leaf_values` and
            `leaf_weights` [trees, 2**levels], where level k is bit k of a leaf's number; `bias` of all log odds.

    Raises:
        ValueError: these arrays are no trees.
    """

    scale: Literal["log_odds", "score"] = "log_odds"

    def __init__(self, arrays: Arrays) -> None:
        counts = expect_array(arrays, "border_counts", "<i4", (None,))
        self.inputs = len(counts)
        self._missing_is_greatest = expect_array(arrays, "missing_is_greatest", "|u1", (self.inputs,))
        self._starts: NDArray[np.int64] = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        if not self.inputs or counts.min() < 0 or counts.max() > BORDERS_MAX:
            raise ValueError(f"array 'border_counts': expected 0 to {BORDERS_MAX} borders of at least one input, got others")
        self._borders = expect_array(arrays, "borders", "<f8", (int(self._starts[-1]),)).astype(np.float32)
        self._split_input = expect_array(arrays, "split_input", "<i4", (None, None))
        trees, levels = self._split_input.shape
        if not 1 <= levels <= LEVELS_MAX:
            raise ValueError(f"array 'split_input': expected trees of 1 to {LEVELS_MAX} levels, got {levels}")
        self._split_bin = expect_array(arrays, "split_bin", "|u1", (trees, levels))
        self._values = expect_array(arrays, "leaf_values", "<f8", (trees, 1 << levels))
        self._weights = expect_array(arrays, "leaf_weights", "<f8", (trees, 1 << levels))
        self._bias = float(expect_array(arrays, "bias", "<f8", (1,))[0])
        self._check_contents()
        self.base = self._bias + float(expected_values(self._values, self._weights).sum())
        self._shares: NDArray[np.float64] | None = None

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability [n] of fraud of the rows of `x` [n, inputs]; about 0.5 µs a row with 300 trees of 6 levels."""
        return probability_of(self.log_odds_many(x))

    def log_odds_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the log odds [n] of the rows of `x` [n, inputs]."""
        rows = as_matrix(x, self.inputs)
        out = np.zeros(len(rows))
        add_leaf_values(rows, *self._questions(), self._values, out)
        return out + self._bias

    def probability_many(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores themselves, which are probabilities."""
        return raw

    def contributions_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, inputs] contributions, which with `base` add up to the log odds."""
        rows = as_matrix(x, self.inputs)
        if self._shares is None:
            self._shares = shares_of_leaves(self._split_input, self._values, self._weights)
        out = np.zeros_like(rows)
        add_shares(rows, *self._questions(), self._shares, out)
        return out

    def _questions(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]:
        return self._borders, self._starts, self._missing_is_greatest, self._split_input, self._split_bin

    def _check_contents(self) -> None:
        within = np.repeat(np.arange(self.inputs), np.diff(self._starts))
        falls = (np.diff(self._borders) <= 0) & (np.diff(within) == 0)
        if not bool(np.isfinite(self._borders).all()) or bool(falls.any()):
            raise ValueError("array 'borders': expected finite numbers, ascending within each input, got others")
        if self._split_input.size and not 0 <= self._split_input.min() <= self._split_input.max() < self.inputs:
            raise ValueError(f"array 'split_input': expected trees that ask about inputs 0 to {self.inputs - 1}, got another")
        if self._missing_is_greatest.max() > 1 or not all(np.isfinite(each).all() for each in (self._values, self._weights, self._bias)):
            raise ValueError("arrays 'missing_is_greatest', 'leaf_values', 'leaf_weights', 'bias': expected 0 or 1, and finite numbers")
        if self._weights.size and self._weights.min() < 0.0:
            raise ValueError("array 'leaf_weights': expected weights of at least 0, got a negative one")
