"""Scores how far a value lies from the median of its key's latest values, in median absolute deviations.

Iglewicz and Hoaglin: How to detect and handle outliers. ASQC Quality Press 1993, section 3.3.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each
from detectors.keyed.recent_values import cells, held, median_distance, middle_of, replace_oldest

_NORMAL_MEDIAN_DEVIATION = 0.6744897501960817
"""The median absolute deviation of a normal distribution, in its standard deviations."""
_NORMAL_MEAN_DEVIATION = 0.7978845608028654
_SQUARE_ROOT_2 = math.sqrt(2.0)


class RobustZScorer:
    """Scores a value by the two tails, erf(|z| / sqrt 2), of its modified z-score: 0 at the median, towards 1 far out on either side.

    Where means and variances need many values to get over an outlier, up to half of the window may be outliers here without moving the
    score much. The window forgets: what is older than `window_size` values counts no more. Where more than half of the window is one
    value, the deviation is the mean one; where all of it is, the same value scores 0 and any other 1. About 0.1 µs a value.

    >>> import numpy as np
    >>> detector, out = RobustZScorer(window_size=5, grace_period=3), np.empty(6)
    >>> amounts = np.array([10.0, 12.0, 11.0, 11.5, 900.0, 11.0])
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(6, np.int64), amounts, out)
    >>> out.round(3).tolist()
    [0.0, 0.0, 0.0, 0.264, 1.0, 0.5]

    Args:
        window_size: number of the latest values of a key that count, 2 to `detectors.keyed.recent_values.WINDOW_MAX`.
        grace_period: number of values of a key before it is scored, at least 1.
        one_sided: whether only values above the median count, so that the score is 0 below it.

    Raises:
        ValueError: a parameter is outside its range.
        TypeError: one_sided is not a boolean.
    """

    def __init__(self, window_size: int = 15, grace_period: int = 10, one_sided: bool = False) -> None:
        if not isinstance(one_sided, bool):
            raise TypeError(f"one_sided: expected true or false, got {one_sided!r}")
        if grace_period < 1:
            raise ValueError(f"grace_period: expected at least 1, got {grace_period}")
        self.width = cells(window_size)
        self.cost_ns = 40.0 + 2.0 * window_size
        self._settings = np.array([window_size, grace_period, one_sided], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state`, then learns it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("float64(float64[:], int64, int64, float64)")
def _mean_distance(row: NDArray[np.float64], first: int, n: int, centre: float) -> float:
    total = 0.0
    for place in range(first, first + n):
        total += abs(row[place] - centre)
    return total / n


@compiled("float64(float64[:], int64, float64, boolean)")
def _tails(row: NDArray[np.float64], window_size: int, value: float, one_sided: bool) -> float:
    n, first = held(row, window_size), 1 + window_size
    median = middle_of(row, first, n)
    if value == median or (one_sided and value < median):
        return 0.0
    deviation = median_distance(row, first, n, median) / _NORMAL_MEDIAN_DEVIATION
    if deviation <= 0.0:
        deviation = _mean_distance(row, first, n, median) / _NORMAL_MEAN_DEVIATION
    return math.erf(abs(value - median) / (deviation * _SQUARE_ROOT_2)) if deviation > 0.0 else 1.0


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    """Scores and learns a value; the settings are window size, grace period and whether one side counts."""
    window_size = int(settings[0])
    score = 0.0 if row[0] < settings[1] else _tails(row, window_size, value, settings[2] != 0.0)
    replace_oldest(row, window_size, value)
    return score


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
