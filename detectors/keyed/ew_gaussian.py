"""Scores how far a value lies from an exponentially weighted mean of its key's own values, in weighted standard deviations.

Mean and variance are those of River's `stats.EWMean` and `stats.EWVar`, in the form that loses no digits. West: Updating mean and variance
estimates: an improved method. Communications of the ACM 22, 1979.
"""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each

_SQUARE_ROOT_2 = math.sqrt(2.0)


class EWGaussianScorer:
    """Scores a value by its two tails, 2 |CDF - 0.5|, of a normal distribution that follows its key: 0 at the mean, towards 1 far out.

    Where `anomaly.GaussianScorer` remembers all values alike, this one forgets: an entity whose habits change is usual again after a few
    values. The score is 0 before `grace_period` values. Where all values so far were equal, the same value again scores 0 and any
    other scores 1. About 0.03 µs a value.

    >>> import numpy as np
    >>> detector = EWGaussianScorer(fading_factor=0.2, grace_period=3)
    >>> values, out = np.array([10.0, 11.0, 9.0, 10.5, 30.0, 10.0]), np.empty(6)
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(6, np.int64), values, out)
    >>> out.round(2).tolist()
    [0.0, 0.0, 0.0, 0.63, 1.0, 0.39]

    Args:
        fading_factor: the weight of the newest value, above 0 and below 1; the name is River's. A value counts half after
            ln 2 / `fading_factor` further ones.
        grace_period: number of values of a key before it is scored, at least 1.

    Raises:
        ValueError: a parameter is outside its range.
    """

    WIDTH: ClassVar[int] = 3
    """The cells are count, mean, and variance."""

    def __init__(self, fading_factor: float = 0.05, grace_period: int = 20) -> None:
        if not (0.0 < fading_factor < 1.0 and grace_period >= 1):
            got = f"{fading_factor}, {grace_period}"
            raise ValueError(f"expected fading_factor between 0 and 1 and grace_period of at least 1, got {got}")
        self.width = self.WIDTH
        self.cost_ns = 10.0
        self._settings = np.array([fading_factor, grace_period], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state` [rows, 3], then learns it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("float64(float64[:], float64)")
def _tails(row: NDArray[np.float64], value: float) -> float:
    if value == row[1]:
        return 0.0
    if row[2] <= 0.0:
        return 1.0
    away = (value - row[1]) / math.sqrt(row[2])
    return abs(math.erf(away / _SQUARE_ROOT_2))


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    """Scores and learns a value; the settings are weight of the newest value and grace period."""
    score = 0.0 if row[0] < settings[1] else _tails(row, value)
    row[0] += 1.0
    if row[0] == 1.0:
        row[1] = value
        return score
    weight, distance = settings[0], value - row[1]
    row[1] += weight * distance
    row[2] = (1.0 - weight) * (row[2] + weight * distance * distance)
    return score


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
