"""Logistic regression on bins of inputs and on crosses of bins, by stochastic gradient descent.

A weight for each bin follows any shape of an input's influence, and a cross what two or three inputs do together. Crosses of many bins
share weights by their hash: Weinberger, Dasgupta, Langford, Smola and Attenberg: Feature hashing for large scale multitask learning. ICML
2009.
"""

import operator
from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.labels import as_labels
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from detectors.missing import LARGEST
from detectors.regression.crossed_kernels import MEMBERS_MAX, learn_rows
from detectors.regression.crossed_scoring import BUCKETS_MAX, CrossedScoring, weights_of

_BINS_MAX: Final = 64
_CROSSES_MAX: Final = 64
_FIT_ROWS_MAX: Final = 10_000


class CrossedLogisticRegression:
    """Learns the probability of the label 1 from bins of inputs, one step per labelled row.

    Ends of bins are quantiles of the first `fit_rows` labelled rows, which wait until then and are learned after it; or they are given.
    A missing input is a bin of its own. Each step is that of River's `LogisticRegression` with `SGD` on a 1 for each bin and cross of the
    row and a 0 for all others. About 0.6 µs a row with 10 inputs and 5 crosses on a busy machine.

    >>> import numpy as np
    >>> rows = np.random.default_rng(1).random((5000, 2))
    >>> model = CrossedLogisticRegression(2, bins=5, fit_rows=500)
    >>> model.learn_many(rows, (abs(rows[:, 0] - 0.5) < 0.2).astype(np.float64))
    >>> model.score_many(np.array([[0.1, 0.5], [0.5, 0.5], [0.9, 0.5]])).round(2).tolist()
    [0.02, 0.98, 0.02]

    Args:
        inputs: number of inputs in a row, at least 1.
        bins: number of bins of each input, 2 to 64, without that of missing ones; inputs with few different values have fewer.
        edges: for each input the ascending lower ends of its bins from the second on, in the place of quantiles.
        crosses: groups of 2 or 3 inputs by position, at most 64, whose bins have weights together.
        buckets: number of weights of a cross, a power of 2 from 2 to 65,536; crosses of more bins share them by hash.
        learning_rate: learning rate of the weights, above 0.
        intercept_lr: learning rate of the intercept, at least 0.
        fit_rows: number of rows that quantiles are taken from, 1 to 10,000.

    Raises:
        ValueError: a parameter is outside its range.
        TypeError: a parameter that must be an integer is a fraction.
    """

    labelled: ClassVar[bool] = True

    def __init__(
        self,
        inputs: int,
        bins: int = 10,
        edges: Sequence[Sequence[float]] | None = None,
        crosses: Sequence[Sequence[int]] = (),
        buckets: int = 1_024,
        learning_rate: float = 0.05,
        intercept_lr: float = 0.01,
        fit_rows: int = 1_000,
    ) -> None:
        for whole in (inputs, bins, buckets, fit_rows):
            operator.index(whole)
        if inputs < 1 or not 2 <= bins <= _BINS_MAX or not 1 <= fit_rows <= _FIT_ROWS_MAX:
            sizes = f"{inputs}, {bins} and {fit_rows}"
            raise ValueError(f"expected inputs of at least 1, bins of 2 to {_BINS_MAX} and fit_rows of 1 to {_FIT_ROWS_MAX}, got {sizes}")
        if not (2 <= buckets <= BUCKETS_MAX and buckets & (buckets - 1) == 0):
            raise ValueError(f"buckets: expected a power of 2 from 2 to {BUCKETS_MAX}, got {buckets}")
        if not (learning_rate > 0.0 and intercept_lr >= 0.0):
            raise ValueError(f"expected learning_rate above 0 and intercept_lr of at least 0, got {learning_rate} and {intercept_lr}")
        self.inputs = inputs
        self._members, self._buckets = _members_of(crosses, inputs), buckets
        self.cost_ns = 60.0 + 30.0 * (inputs + len(self._members))
        self._edges = np.full((inputs, bins - 1), np.inf) if edges is None else _given(edges, inputs)
        self._waiting = np.zeros((fit_rows if edges is None else 0, inputs + 2))
        self._filled = 0
        self._rates = np.array([learning_rate, intercept_lr], np.float64)
        self._weights = np.zeros(weights_of(self._edges, self._members, buckets))
        self._intercept = np.zeros(1)

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] with their labels `y` [n], 0 or 1, in order.

        Args:
            weights: [n] factors of the gradients of the loss, above 0; None for 1 each.

        Raises:
            ValueError: there is not one label and weight per row, a label is neither 0 nor 1, or a weight is not above 0 or not finite.
        """
        rows = as_matrix(x, self.inputs)
        labels, counts = as_labels(y, weights, len(rows))
        known = self._wait(rows, labels, counts)
        self._learn(rows[known:], labels[known:], counts[known:])

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability [n] of label 1 of each row of `x` by what is learned so far; changes nothing."""
        return CrossedScoring(self.snapshot()).score_many(x)

    def snapshot(self) -> Arrays:
        """Returns the arrays that `CrossedScoring` takes."""
        return {
            "edges": self._edges.copy(),
            "members": self._members.copy(),
            "buckets": np.array([self._buckets], np.int64),
            "weights": self._weights.copy(),
            "intercept": self._intercept.copy(),
        }

    def state(self) -> Arrays:
        """Returns the ends of bins, weights, and the rows that wait for ends of bins, with their labels and weights."""
        return {
            "edges": self._edges.copy(),
            "weights": self._weights.copy(),
            "intercept": self._intercept.copy(),
            "waiting": self._waiting.copy(),
            "filled": np.array([self._filled], np.int64),
        }

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: the state is of a learner with other parameters; nothing has changed then.
        """
        edges = expect_array(state, "edges", "<f8", self._edges.shape)
        weights = expect_array(state, "weights", "<f8", self._weights.shape)
        intercept = expect_array(state, "intercept", "<f8", (1,))
        waiting = expect_array(state, "waiting", "<f8", self._waiting.shape)
        [filled] = expect_array(state, "filled", "<i8", (1,)).tolist()
        if not 0 <= filled <= len(waiting):
            raise ValueError(f"array 'filled': expected at most {len(waiting)} rows, got {filled}")
        self._edges, self._weights, self._intercept, self._waiting, self._filled = edges, weights, intercept, waiting, filled

    def _wait(self, rows: NDArray[np.float64], labels: NDArray[np.float64], counts: NDArray[np.float64]) -> int:
        """Lets the first rows wait until there are enough of them, then learns those; returns how many of `rows` it took."""
        taken = min(len(self._waiting) - self._filled, len(rows))
        if taken == 0:
            return 0
        last = self._filled + taken
        held = self._waiting[self._filled : last]
        held[:, :-2] = np.where(np.abs(rows[:taken]) <= LARGEST, rows[:taken], np.nan)
        held[:, -2], held[:, -1] = labels[:taken], counts[:taken]
        self._filled = last
        if last == len(self._waiting):
            self._edges = _quantiles(self._waiting[:, :-2], self._edges.shape[1])
            first = (np.ascontiguousarray(part) for part in (self._waiting[:, :-2], self._waiting[:, -2], self._waiting[:, -1]))
            self._learn(*first)
            self._waiting[:] = 0.0
        return taken

    def _learn(self, rows: NDArray[np.float64], labels: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
        learn_rows(rows, labels, counts, self._edges, self._members, self._buckets, self._weights, self._intercept, self._rates)


def _members_of(crosses: Sequence[Sequence[int]], inputs: int) -> NDArray[np.int32]:
    """Returns [crosses, MEMBERS_MAX] inputs, -1 behind the last of each."""
    found = np.full((len(crosses), MEMBERS_MAX), -1, np.int32)
    expected = f"crosses: expected at most {_CROSSES_MAX} groups of 2 to {MEMBERS_MAX} inputs from 0 to {inputs - 1}"
    if len(crosses) > _CROSSES_MAX:
        raise ValueError(f"{expected}, got {len(crosses)} groups")
    for cross, group in enumerate(crosses):
        named = [operator.index(member) for member in group]
        if not 2 <= len(named) <= MEMBERS_MAX or len({*named}) < len(named) or min(named) < 0 or max(named) >= inputs:
            raise ValueError(f"{expected}, got {named}")
        found[cross, : len(named)] = named
    return found


def _given(edges: Sequence[Sequence[float]], inputs: int) -> NDArray[np.float64]:
    longest = max((len(each) for each in edges), default=0)
    if len(edges) != inputs or not 1 <= longest < _BINS_MAX or any(list(each) != sorted({*each}) for each in edges):
        raise ValueError(f"edges: expected ascending numbers, fewer than {_BINS_MAX}, for each of {inputs} inputs, got {edges}")
    found = np.full((inputs, longest), np.inf)
    for column, each in enumerate(edges):
        found[column, : len(each)] = each
    return found


def _quantiles(rows: NDArray[np.float64], edges: int) -> NDArray[np.float64]:
    """Returns [inputs, edges] different quantiles of each input, infinity behind the last; all of it where an input is always missing."""
    found = np.full((rows.shape[1], edges), np.inf)
    for column, values in enumerate(rows.T):
        present = values[~np.isnan(values)]
        if len(present):
            at = np.unique(np.quantile(present, np.arange(1, edges + 1) / (edges + 1), method="inverted_cdf"))
            found[column, : len(at)] = at
    return found
