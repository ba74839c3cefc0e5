"""Scores with a logistic regression on bins and crosses, from a snapshot."""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.learner import Arrays
from detectors.log_odds import probability_of
from detectors.matrix import as_matrix
from detectors.regression.crossed_kernels import MEMBERS_MAX, log_odds_of_rows, shares_of_rows
from detectors.snapshot_kind import Form

BUCKETS_MAX: Final = 1 << 16

ARRAYS: Final[Mapping[str, Form]] = {
    "edges": ("<f8", (None, None)),
    "members": ("<i4", (None, MEMBERS_MAX)),
    "buckets": ("<i8", (1,)),
    "weights": ("<f8", (None,)),
    "intercept": ("<f8", (1,)),
}
"""The arrays that `CrossedLogisticRegression.snapshot` publishes."""


class CrossedScoring:
    """Scores from a snapshot. An input contributes the weight of its bin and an equal share of its crosses; `base` is the intercept.

    Args:
        arrays: arrays of `CrossedLogisticRegression.snapshot`.

    Raises:
        ValueError: such a learner cannot have published these arrays.
    """

    scale: Literal["log_odds", "score"] = "log_odds"

    def __init__(self, arrays: Arrays) -> None:
        self._edges = expect_array(arrays, "edges", "<f8", (None, None))
        self.inputs = len(self._edges)
        self._members = expect_array(arrays, "members", "<i4", (None, MEMBERS_MAX))
        [self._buckets] = expect_array(arrays, "buckets", "<i8", (1,)).tolist()
        if not (2 <= self._buckets <= BUCKETS_MAX and self._buckets & (self._buckets - 1) == 0):
            raise ValueError(f"array 'buckets': expected a power of 2, got {self._buckets}")
        if self._members.size and not -1 <= self._members.min() <= self._members.max() < self.inputs:
            raise ValueError(f"array 'members': expected inputs from 0 to {self.inputs - 1}, got others")
        self._weights = expect_array(arrays, "weights", "<f8", (weights_of(self._edges, self._members, self._buckets),))
        self.base = float(expect_array(arrays, "intercept", "<f8", (1,))[0])
        if not self.inputs or not np.isfinite(self.base) or not bool(np.isfinite(self._weights).all()):
            raise ValueError("weights and intercept: expected finite numbers for at least one input")

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability [n] of label 1 of each row of `x` [n, inputs]."""
        rows = as_matrix(x, self.inputs)
        log_odds = np.empty(len(rows))
        log_odds_of_rows(rows, self._edges, self._members, self._buckets, self._weights, self.base, log_odds)
        return probability_of(log_odds)

    def probability_many(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores themselves, which are probabilities."""
        return raw

    def contributions_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, inputs] contributions, which with `base` add up to the log odds."""
        rows = as_matrix(x, self.inputs)
        shares = np.empty_like(rows)
        shares_of_rows(rows, self._edges, self._members, self._buckets, self._weights, shares)
        return shares


def weights_of(edges: NDArray[np.float64], members: NDArray[np.int32], buckets: int) -> int:
    """Returns how many weights there are: of the bins of all inputs, one for what is missing of each, and the buckets of all crosses."""
    return int(len(edges) * (edges.shape[1] + 2) + len(members) * buckets)
