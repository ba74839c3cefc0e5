"""Scores how far a value lies in the upper tail of its key's own values, by extreme value theory.

Siffer, Fouque, Termier and Largouet: Anomaly detection in streams with extreme value theory. KDD 2017. The threshold follows the key by
stochastic approximation: Chen, Lambert and Pinheiro: Incremental quantile estimation for massive tracking. KDD 2000.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each
from detectors.scores.pareto_tail import excess_at, fit, survival

_COUNT, _ABOVE, _SHARE, _THRESHOLD, _SHAPE, _SCALE, _RING = 0, 1, 2, 3, 4, 5, 6
"""Cells: values so far, peaks so far, share of values above the threshold, the threshold, the tail, and the latest peaks."""
_REFITS: Final = 4
"""The tail is fitted anew each time that one in so many of its peaks is new."""
_PEAKS_MAX: Final = 1_024


class SPOT:
    """Scores 1 - p, where p is the probability of a value as great, above the threshold of its key; 0 up to it.

    The first `grace_period` values of a key set its threshold: a share of `level` lies below. By how much later values exceed it is taken
    for a generalised Pareto distribution. So a rare value is told from an absurd one, which own quantiles of few values cannot. The
    paper marks values of a p below `q` and learns nothing of them; here they are learned as the value whose p is `q`, so that a burst does
    not make itself usual, and a new level becomes so in time. About 0.1 µs a value, 5 µs where the tail is fitted anew.

    >>> import numpy as np
    >>> detector, out = SPOT(grace_period=20, level=0.9), np.empty(24)
    >>> amounts = np.append(np.arange(1.0, 21.0), [15.0, 19.0, 25.0, 80.0])
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(24, np.int64), amounts, out)
    >>> [float(score) for score in out[20:].round(3)]
    [0.0, 0.93, 0.999, 1.0]

    Args:
        grace_period: number of values of a key before it is scored, 5 to 1,024.
        level: share of values below the threshold, from 0.5 and below 1.
        peaks: number of the latest excesses that the tail is fitted to, 5 to 1,024.
        q: the probability below which values are learned as no greater than that, above 0 and below 1 - `level`.
        half_life: number of values of a key after which a value counts half for the threshold, at least 1; with a very great one the
            threshold stays where the first values set it, as in the paper.

    Raises:
        ValueError: a parameter is outside its range.
    """

    def __init__(self, grace_period: int = 50, level: float = 0.95, peaks: int = 32, q: float = 1e-3, half_life: float = 500.0) -> None:
        if not 5 <= grace_period <= _PEAKS_MAX:
            raise ValueError(f"grace_period: expected 5 to {_PEAKS_MAX}, got {grace_period}")
        if not (0.5 <= level < 1.0 and 5 <= peaks <= _PEAKS_MAX):
            raise ValueError(f"expected level from 0.5 and below 1, and peaks of 5 to {_PEAKS_MAX}, got {level} and {peaks}")
        if not (0.0 < q < 1.0 - level and half_life >= 1.0):
            raise ValueError(f"expected q above 0 and below 1 - level, and half_life of at least 1, got {q} and {half_life}")
        self.width = _RING + max(grace_period, peaks)
        self.cost_ns = 30.0 + (1.0 - level) * _REFITS * 300.0
        self._settings = np.array([level, q, 1.0 - 0.5 ** (1.0 / half_life), grace_period, peaks], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state`, then learns it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("float64(float64[:], float64)")
def _score(row: NDArray[np.float64], value: float) -> float:
    if value <= row[_THRESHOLD]:
        return 0.0
    beyond = survival(value - row[_THRESHOLD], row[_SHAPE], row[_SCALE]) if row[_ABOVE] > 0.0 else 1.0
    return float(1.0 - beyond * (row[_SHARE] * row[_COUNT] + 1.0) / (row[_COUNT] + 1.0))


@compiled("void(float64[:], float64, int64)")
def _learn_peak(row: NDArray[np.float64], excess: float, peaks: int) -> None:
    above = int(row[_ABOVE])
    row[_RING + above % peaks] = excess
    row[_ABOVE] += 1.0
    held = min(above + 1, peaks)
    if (above + 1) % max(held // _REFITS, 1) == 0:
        fit(row[_RING : _RING + held], row[_SHAPE : _SHAPE + 2])


@compiled("void(float64[:], int64, float64, int64)")
def _calibrate(row: NDArray[np.float64], grace_period: int, level: float, peaks: int) -> None:
    """Sets the threshold by the values that the ring holds, and makes those above it the first peaks."""
    values = np.sort(row[_RING : _RING + grace_period].copy())
    row[_RING:] = 0.0
    row[_THRESHOLD] = values[np.int64(level * (grace_period - 1))]
    for value in values:
        if value > row[_THRESHOLD]:
            _learn_peak(row, value - row[_THRESHOLD], peaks)
    row[_SHARE] = row[_ABOVE] / grace_period


@compiled("float64(float64[:], float64)")
def _largest_learned(row: NDArray[np.float64], q: float) -> float:
    """Returns the excess that is exceeded with the probability `q`; without a limit before the first excess."""
    if row[_ABOVE] <= 0.0:
        return np.inf
    return excess_at(min(q / row[_SHARE], 1.0), row[_SHAPE], row[_SCALE])


@compiled("void(float64[:], float64, int64, float64[::1])")
def _learn(row: NDArray[np.float64], value: float, peaks: int, settings: NDArray[np.float64]) -> None:
    level, q, weight = settings[0], settings[1], settings[2]
    above = 1.0 if value > row[_THRESHOLD] else 0.0
    if above:
        _learn_peak(row, min(value - row[_THRESHOLD], _largest_learned(row, q)), peaks)
    row[_SHARE] += max(weight, 1.0 / (row[_COUNT] + 1.0)) * (above - row[_SHARE])
    if row[_SHARE] <= 0.0:
        return
    step = weight * row[_SCALE] / row[_SHARE]  # the density at the threshold is the share above it divided by the scale
    if above:
        row[_THRESHOLD] = min(row[_THRESHOLD] + step * level, value)
    else:  # never below the value, so that what a key repeats stays up to the threshold
        row[_THRESHOLD] = max(row[_THRESHOLD] - step * (1.0 - level), value)


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    """Scores and learns a value; the settings are level, q, weight of the newest value, grace period and number of peaks."""
    count, grace_period, peaks = int(row[_COUNT]), int(settings[3]), int(settings[4])
    score = 0.0
    if count >= grace_period:
        score = _score(row, value)
        _learn(row, value, peaks, settings)
    else:
        row[_RING + count] = value
        if count + 1 == grace_period:
            _calibrate(row, grace_period, settings[0], peaks)
    row[_COUNT] += 1.0
    return score


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
