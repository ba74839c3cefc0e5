"""Scores how thinly its key's latest values lie around a value: the p-value of a density by nearest neighbours.

The density at a value is taken from the distance to its k-th nearest neighbour, and the p-value is the share of the window whose own
density is no greater. Loftsgaarden and Quesenberry: A nonparametric estimate of a multivariate density function. Annals of Mathematical
Statistics 36, 1965. Laxhammar and Falkman: Sequential conformal anomaly detection in trajectories. FUSION 2011.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each
from detectors.keyed.recent_values import cells, first_not_below, held, replace_oldest


class NeighbourDensity:
    """Scores 1 - p of the density at a value. It finds what lies between two habits of a key, which no distance from a mean does.

    A value in the thinnest place of the window and beyond scores at least 1 - 1 / (`window_size` + 1), and the further out the nearer
    to 1: in proportion to how much thinner it is there. What the key's values repeat is never strange. About 0.2 µs a value.

    >>> import numpy as np
    >>> detector, out = NeighbourDensity(neighbours=3, grace_period=8), np.empty(17)
    >>> amounts = np.append(np.tile([5.0, 7.0, 90.0, 95.0], 4) + 0.25 * np.arange(16), 47.0)
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(17, np.int64), amounts, out)
    >>> round(float(out[-1]), 4)
    0.9954

    Args:
        window_size: number of the latest values of a key that count, 2 to `detectors.keyed.recent_values.WINDOW_MAX`.
        neighbours: how many neighbours the distance reaches, at least 1 and below `window_size`.
        grace_period: number of values of a key before it is scored, more than `neighbours`.

    Raises:
        ValueError: a parameter is outside its range.
    """

    def __init__(self, window_size: int = 16, neighbours: int = 2, grace_period: int = 10) -> None:
        self.width = cells(window_size)
        if not 1 <= neighbours < min(grace_period, window_size):
            raise ValueError(
                "expected neighbours of at least 1, fewer than grace_period and window_size, "
                f"got {neighbours}, {grace_period} and {window_size}"
            )
        self.cost_ns = 60.0 + 4.0 * window_size
        self._settings = np.array([window_size, neighbours, grace_period], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state`, then learns it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("float64(float64[:], int64, int64, int64, int64, float64)")
def _reach(row: NDArray[np.float64], first: int, n: int, place: int, neighbours: int, value: float) -> float:
    """Returns the distance from `value`, of which `place` sorted cells lie on the left, to the nearest `neighbours` cells."""
    left, right, distance = place - 1, place, 0.0
    for _ in range(neighbours):
        if right >= n or (left >= 0 and value - row[first + left] <= row[first + right] - value):
            distance = value - row[first + left]
            left -= 1
        else:
            distance = row[first + right] - value
            right += 1
    return distance


@compiled("float64(float64[:], int64, int64, float64)")
def _strangeness(row: NDArray[np.float64], window_size: int, neighbours: int, value: float) -> float:
    n, first = held(row, window_size), 1 + window_size
    reach = _reach(row, first, n, first_not_below(row, first, n, value), neighbours, value)
    as_thin, widest = 0, 0.0
    for place in range(n):
        own, nearest = row[first + place], np.inf
        for left in range(max(place - neighbours, 0), min(place, n - neighbours - 1) + 1):
            nearest = min(nearest, max(own - row[first + left], row[first + left + neighbours] - own))
        as_thin += nearest >= reach
        widest = max(widest, nearest)
    if as_thin:
        return 1.0 - min((as_thin + 1.0) / (n + 1.0), 1.0)
    return 1.0 - (widest / reach) / (n + 1.0)


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    """Scores and learns a value; the settings are window size, number of neighbours and grace period."""
    window_size = int(settings[0])
    score = 0.0 if row[0] < settings[2] else _strangeness(row, window_size, int(settings[1]), value)
    replace_oldest(row, window_size, value)
    return score


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
