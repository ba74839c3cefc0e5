"""Combines the tail probabilities of several numbers into one, however these depend on each other.

Liu and Xie: Cauchy combination test: a powerful test with analytic p-value calculation under arbitrary dependency structures. JASA 115,
2020. Ranks near 0 are truncated, so that an input which is far too usual takes little off what the others say: Gui, Jiang and Wang:
Aggregating dependent signals with heavy-tailed combination tests. Biometrika 2025.
"""

import operator
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.compiled import compiled
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from detectors.missing import LARGEST, is_present
from detectors.scores.recent_scores import LEVELS as SCORE_LEVELS
from detectors.scores.recent_scores import mid_ranks
from detectors.scores.tail_ranks import LEVELS, NOTHING_KNOWN, TAIL_WIDTH, fit_ranks, rank_of
from detectors.snapshot_kind import Form

RANK_MIN: Final = 0.05
RANK_MAX: Final = 1.0 - 1e-15
_INPUTS_MAX: Final = 256
_RECENT_MAX: Final = 100_000


class CauchyCombination:
    """Learns what is usual of each input from every row, and scores 1 - p, where p is the combined probability of inputs as great.

    Inputs may be anything of which more is stranger: scores of detectors, or features. With one input the score is just its tail
    probability. A missing input says nothing. What is usual are the latest `recent` rows, and beyond them a Pareto tail. It scores 0.5
    before the first row. Learning costs about 0.02 µs an input, scoring 0.03 µs, and a snapshot some ms.

    >>> import numpy as np
    >>> learner = CauchyCombination(2, recent=1000)
    >>> learner.learn_many(np.random.default_rng(1).normal(size=(1000, 2)))
    >>> [float(score) for score in learner.score_many(np.array([[0.0, 0.0], [0.0, 3.0], [3.0, 3.0]])).round(3)]
    [0.508, 0.997, 0.998]

    Args:
        inputs: number of inputs in a row, 1 to 256.
        recent: number of the latest rows that say what is usual, 1 to 100,000.
        weights: how much each input counts, by position, at least 0 and one of them above; all alike by default.

    Raises:
        ValueError: a parameter is outside its range.
        TypeError: a parameter that must be an integer is a fraction.
    """

    labelled: ClassVar[bool] = False

    def __init__(self, inputs: int, recent: int = 5_000, weights: list[float] | None = None) -> None:
        operator.index(inputs), operator.index(recent)
        if not (1 <= inputs <= _INPUTS_MAX and 1 <= recent <= _RECENT_MAX):
            raise ValueError(f"expected inputs of 1 to {_INPUTS_MAX} and recent of 1 to {_RECENT_MAX}, got {inputs} and {recent}")
        self.inputs = inputs
        self.cost_ns = 30.0 + 40.0 * inputs
        self._weights = np.ones(inputs) if weights is None else np.array(weights, np.float64)
        if self._weights.shape != (inputs,) or not (self._weights.min() >= 0.0 and 0.0 < self._weights.sum() < np.inf):
            raise ValueError(f"weights: expected {inputs} numbers of at least 0, one of them above, got {weights}")
        self._ring = np.full((recent, inputs), np.nan)
        self._seen = 0

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None = None, weights: NDArray[np.float64] | None = None) -> None:
        """Takes the rows of `x` [n, inputs] among the latest, in their order; ignores labels."""
        rows = as_matrix(x, self.inputs)
        latest = rows[-len(self._ring) :]
        latest = np.where(np.abs(latest) <= LARGEST, latest, np.nan)
        first = self._seen + len(rows) - len(latest)
        self._ring[(first + np.arange(len(latest))) % len(self._ring)] = latest
        self._seen += len(rows)

    def learn_one(self, x: NDArray[np.float64]) -> None:
        """Learns one row [inputs]."""
        self.learn_many(np.reshape(x, (1, -1)))

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] of the rows of `x` by what is learned so far; changes nothing."""
        return CauchyScoring(self.snapshot()).score_many(x)

    def score_one(self, x: NDArray[np.float64]) -> float:
        """Returns the score of one row [inputs]."""
        return float(self.score_many(np.reshape(x, (1, -1)))[0])

    @property
    def latest(self) -> NDArray[np.float64]:
        """The latest rows, at most `recent`, in no order."""
        return self._ring[: self._seen]

    def snapshot(self) -> Arrays:
        """Returns the arrays that `CauchyScoring` takes."""
        return published(self.latest, self._weights)

    def state(self) -> Arrays:
        """Returns the latest rows, and the number of all."""
        return {"ring": self._ring.copy(), "seen": np.array([self._seen], np.int64)}

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: the state is of a learner with other parameters; nothing has changed then.
        """
        ring = expect_array(state, "ring", "<f8", self._ring.shape)
        self._seen = int(expect_array(state, "seen", "<i8", (1,))[0])
        self._ring = ring


def published(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> Arrays:
    """Returns the arrays that `CauchyScoring` takes: what is usual by `rows` [n, inputs], and `weights` [inputs]."""
    fitted = [fit_ranks(column[~np.isnan(column)]) for column in rows.T]
    arrays = {
        "grid": np.array([grid for grid, _ in fitted]),
        "tail": np.array([tail for _, tail in fitted]),
        "weights": weights.copy(),
        "score_grid": np.zeros(0),
    }
    if len(rows):
        arrays["score_grid"] = np.quantile(CauchyScoring(arrays).score_many(rows), SCORE_LEVELS)
    return arrays


ARRAYS: Final[Mapping[str, Form]] = {
    "grid": ("<f8", (None, len(LEVELS))),
    "tail": ("<f8", (None, TAIL_WIDTH)),
    "weights": ("<f8", (None,)),
    "score_grid": ("<f8", (None,)),
}
"""The arrays that `CauchyCombination.snapshot` publishes."""


class CauchyScoring:
    """Scores from a snapshot. The share of an input in the score is that of Aumann and Shapley: in proportion to its term of the sum.

    Args:
        arrays: arrays of `CauchyCombination.snapshot`.

    Raises:
        ValueError: such a learner cannot have published these arrays.
    """

    scale: Literal["log_odds", "score"] = "score"
    base = NOTHING_KNOWN

    def __init__(self, arrays: Arrays) -> None:
        self._weights = expect_array(arrays, "weights", "<f8", (None,))
        self.inputs = len(self._weights)
        self._grid = expect_array(arrays, "grid", "<f8", (self.inputs, len(LEVELS)))
        self._tail = expect_array(arrays, "tail", "<f8", (self.inputs, TAIL_WIDTH))
        self._score_grid = expect_array(arrays, "score_grid", "<f8", (None,))
        if not self.inputs or not (self._weights.min() >= 0.0 and 0.0 < self._weights.sum() < np.inf):
            raise ValueError("array 'weights': expected numbers of at least 0, one of them above")
        if bool(np.any(np.diff(self._grid, axis=1) < 0.0)) or not (self._tail.min() >= 0.0 and self._tail.max() < np.inf):
            raise ValueError("arrays 'grid' and 'tail': expected ascending grids, and shapes and scales of at least 0")
        if len(self._score_grid) not in (0, len(SCORE_LEVELS)) or not bool(np.all(np.diff(self._score_grid) >= 0.0)):
            raise ValueError(f"array 'score_grid': expected {len(SCORE_LEVELS)} scores in ascending order")

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] in [0, 1] of the rows of `x` [n, inputs]."""
        rows = as_matrix(x, self.inputs)
        scores = np.empty(len(rows))
        _combine(rows, self._grid, LEVELS, self._tail, self._weights, np.empty((0, self.inputs)), scores)
        return scores

    def probability_many(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns mid-ranks [n] among the scores of the latest rows, in [0, 1]; NaN where `raw` is, and before the first row."""
        return mid_ranks(raw, self._score_grid)

    def contributions_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, inputs] contributions, which with `base` add up to the score."""
        rows = as_matrix(x, self.inputs)
        shares = np.empty_like(rows)
        _combine(rows, self._grid, LEVELS, self._tail, self._weights, shares, np.empty(len(rows)))
        return shares


@compiled("void(float64[:, ::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[::1])")
def _combine(
    x: NDArray[np.float64],
    grids: NDArray[np.float64],
    levels: NDArray[np.float64],
    tails: NDArray[np.float64],
    weights: NDArray[np.float64],
    shares: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Writes the scores, and the shares of the inputs unless `shares` has no rows. An input without a weight has no share."""
    terms = np.empty(x.shape[1])
    for row in range(x.shape[0]):
        total, weight = 0.0, 0.0
        for column in range(x.shape[1]):
            terms[column] = 0.0
            if is_present(x[row, column]) and not np.isnan(grids[column, 0]):
                rank = rank_of(x[row, column], grids[column], levels, tails[column])
                terms[column] = weights[column] * np.tan((min(max(rank, RANK_MIN), RANK_MAX) - 0.5) * np.pi)
                weight += weights[column]
                total += terms[column]
        mean = total / weight if weight > 0.0 else 0.0
        above = np.arctan(mean) / np.pi
        out[row] = NOTHING_KNOWN + above
        if len(shares):
            for column in range(x.shape[1]):
                shares[row, column] = terms[column] * above / total if total != 0.0 else 0.0
