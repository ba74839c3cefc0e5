"""Scores how far a value lies above a decayed quantile of its key's own values.

It uses exponentially weighted stochastic approximation: Chen, Lambert and Pinheiro: Incremental quantile estimation for massive
tracking. KDD 2000.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each


class DecayedQuantile:
    """Scores d / (1 + d), where d is the distance above the quantile in decayed mean absolute deviations; 0 below it.

    The estimate moves with each value by an amount that an estimate of the density at the quantile scales, so it needs
    no unit and no range. It follows the quantile, but is not exact. Values before `grace_period` score 0. About 0.02 µs a value.

    >>> import numpy as np
    >>> detector = DecayedQuantile(quantile=0.9, grace_period=3)
    >>> values, out = np.array([10.0, 11.0, 9.0, 10.5, 30.0, 10.0]), np.empty(6)
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(6, np.int64), values, out)
    >>> out.round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.93, 0.0]

    Args:
        quantile: between 0 and 1, exclusive.
        half_life: number of values of a key after which a value counts half, above 0.
        grace_period: number of values of a key before it is scored, at least 1.

    Raises:
        ValueError: a parameter is outside its range.
    """

    WIDTH: ClassVar[int] = 4
    """The cells are count, quantile, density at the quantile, and mean absolute deviation from it."""

    def __init__(self, quantile: float = 0.95, half_life: float = 200.0, grace_period: int = 20) -> None:
        if not (0.0 < quantile < 1.0 and half_life > 0.0 and grace_period >= 1):
            raise ValueError(
                "expected quantile between 0 and 1, half_life above 0 and grace_period of at least 1, "
                f"got {quantile}, {half_life}, {grace_period}"
            )
        self.width = self.WIDTH
        self.cost_ns = 10.0
        self._settings = np.array([quantile, 1.0 - 0.5 ** (1.0 / half_life), grace_period], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state` [rows, 4], then learns it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("float64(float64[:], float64)")
def _excess(row: NDArray[np.float64], value: float) -> float:
    if value <= row[1]:
        return 0.0
    if row[3] <= 0.0:
        return 1.0
    deviations = (value - row[1]) / row[3]
    return float(deviations / (1.0 + deviations))


@compiled("void(float64[:], float64, float64, float64)")
def _learn(row: NDArray[np.float64], value: float, quantile: float, weight: float) -> None:
    row[0] += 1.0
    if row[0] == 1.0:
        row[1] = value
        return
    weight = max(weight, 1.0 / row[0])  # a new key averages over the values that it has
    distance = abs(value - row[1])
    row[3] += weight * (distance - row[3])
    if row[3] <= 0.0:
        return
    near = 0.5 / row[3] if distance <= row[3] else 0.0
    row[2] += weight * (near - row[2])
    # An exponential tail has this density at its quantile; the floor keeps a step within a few deviations.
    density = max(row[2], min(quantile, 1.0 - quantile) / row[3])
    row[1] += weight / density * (quantile - (1.0 if value <= row[1] else 0.0))


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    """Scores and learns a value; the settings are quantile, weight of the newest value and grace period."""
    score = 0.0 if row[0] < settings[2] else _excess(row, value)
    _learn(row, value, settings[0], settings[1])
    return score


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
