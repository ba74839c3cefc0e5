"""Combines tail probabilities as `detectors.scores.cauchy_combination` does, and learns from labels how much each of them counts.

The weight of an input is how much more surprising positive rows are by it than rows in general: the linear discriminant of Fisher: The
use of multiple measurements in taxonomic problems. Annals of Eugenics 7, 1936, of independent inputs whose surprise, - log p, is
exponential with the mean 1 unless they tell positives apart.
"""

import operator
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detectors.learner import Arrays
from detectors.scores.cauchy_combination import CauchyCombination, CauchyScoring, published
from detectors.scores.tail_ranks import LEVELS, fit_ranks, rank_of

_POSITIVES_MAX: Final = 10_000
_POSITIVES_MIN: Final = 10
"""The number of positives below which all inputs count alike."""


class WeightedCombination:
    """Learns what is usual from labelled rows, and weights from the latest positives among them; scores 1 - p of the combination.

    A weight lies between 0, where positives are no stranger than others by that input, and 1 for the input that tells them best: so an
    input that says nothing of fraud does not drown the others. No row counts more than as one in 10^6, so a few wrong labels do little.

    >>> import numpy as np
    >>> draw = np.random.default_rng(1)
    >>> x, y = draw.normal(size=(2000, 2)), (np.arange(2000) % 50 == 0).astype(float)
    >>> x[y == 1, 0] += 3.0
    >>> learner = WeightedCombination(2)
    >>> learner.learn_many(x, y)
    >>> learner.snapshot()["weights"].round(2).tolist()
    [1.0, 0.05]

    Args:
        inputs: number of inputs in a row, 1 to 256.
        recent: number of the latest rows that say what is usual, 1 to 100,000.
        positives: number of the latest positive rows that weights are learned from, 10 to 10,000.

    Raises:
        ValueError: a parameter is outside its range.
        TypeError: a parameter that must be an integer is a fraction.
    """

    labelled: ClassVar[bool] = True

    def __init__(self, inputs: int, recent: int = 5_000, positives: int = 500) -> None:
        if not _POSITIVES_MIN <= operator.index(positives) <= _POSITIVES_MAX:
            raise ValueError(f"positives: expected {_POSITIVES_MIN} to {_POSITIVES_MAX}, got {positives}")
        self._all = CauchyCombination(inputs, recent)
        self._positives = CauchyCombination(inputs, positives)
        self.inputs = inputs
        self.cost_ns = self._all.cost_ns

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] with their labels `y` [n], 0 or 1, in order; all rows count alike.

        Raises:
            ValueError: there is not one label per row.
        """
        if y is None or np.shape(y) != (len(x),):
            raise ValueError(f"expected {len(x)} labels, got {None if y is None else np.shape(y)}")
        self._all.learn_many(x)
        self._positives.learn_many(x[y == 1.0])

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] of the rows of `x` by what is learned so far; changes nothing."""
        return CauchyScoring(self.snapshot()).score_many(x)

    def snapshot(self) -> Arrays:
        """Returns the arrays that `detectors.scores.cauchy_combination.CauchyScoring` takes."""
        return published(self._all.latest, _weights_of(self._all.latest, self._positives.latest))

    def state(self) -> Arrays:
        """Returns the latest rows of both kinds, and the numbers of all."""
        rows, positives = self._all.state(), self._positives.state()
        return {**rows, **{f"positive_{name}": array for name, array in positives.items()}}

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: the state is of a learner with other parameters; nothing has changed then.
        """
        prefix = "positive_"
        own = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
        before = self._positives.state()
        self._positives.restore(own)
        try:
            self._all.restore({name: array for name, array in state.items() if not name.startswith(prefix)})
        except ValueError:
            self._positives.restore(before)
            raise


def _weights_of(rows: NDArray[np.float64], positives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns [inputs] how much more surprising `positives` are than `rows`, the most telling input as 1; all 1 while that is unknown."""
    if len(positives) < _POSITIVES_MIN:
        return np.ones(rows.shape[1])
    more = np.array([_surprise(own, column) - _surprise(column, column) for own, column in zip(positives.T, rows.T, strict=True)])
    more = np.maximum(more, 0.0)
    return more / more.max() if more.max() > 0.0 else np.ones(len(more))


def _surprise(values: NDArray[np.float64], among: NDArray[np.float64]) -> float:
    """Returns the mean of - log p of `values` by their ranks among others, none above 10^6 to 1; 0 where there are none."""
    grid, tail = fit_ranks(among[~np.isnan(among)])
    present = values[~np.isnan(values)]
    ranks = np.array([rank_of(value, grid, LEVELS, tail) for value in present.tolist()])
    return float(-np.log(1.0 - np.minimum(ranks, 1.0 - 1e-6)).mean()) if len(ranks) else 0.0
