"""Scores how far the level of its key's values has moved: the test of Page and Hinkley.

Page: Continuous inspection schemes. Biometrika 41, 1954. This is River's `drift.PageHinkley` over rows of flat numbers, on values as they
are or in standard deviations of their key.
"""

import math
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.drift_score import check_drift, faded, of_limit
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each

_MODES: Final = ("up", "down", "both")
_SINCE, _MEAN, _SQUARES, _RISE, _FALL, _LEAST, _MOST, _HELD = range(8)


class PageHinkley:
    """Scores s / (s + `threshold`), where s adds up how far the key's values have lain from their mean: above 0.5 the level has moved.

    Where it has moved the key begins anew, as River has it, and the score fades from then on: after `half_life` values it counts half. The
    score is about the key, not about the value alone: one outlier moves it, and many small ones do so sooner than each of them would be
    strange. It is 0 for the first `grace_period` values after each beginning. About 0.05 µs a value on a busy machine.

    >>> import numpy as np
    >>> detector, out = PageHinkley(), np.empty(45)
    >>> spent = np.append(10.0 + np.arange(40) % 5, [19.0, 21.0, 20.0, 19.0, 20.0])
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(45, np.int64), spent, out)
    >>> out[37:].round(2).tolist()
    [0.05, 0.03, 0.13, 0.4, 0.55, 0.51, 0.48, 0.45]

    Args:
        grace_period: number of values since the last beginning before the level is tested, at least 1. River's `min_instances` is one more,
            because it counts the value that is tested.
        delta: how far values may lie off their mean without adding up, at least 0.
        threshold: of the sum, above 0.
        alpha: what the sum of earlier values is multiplied by at each value, above 0 and at most 1.
        mode: whether a level that goes ``up``, ``down`` or ``both`` counts.
        scaling: ``standard`` has `delta` and `threshold` in standard deviations of the key's own values since its last beginning; ``none``
            has them in the unit of the values, as River does.
        half_life: number of values of the key after which a level that has moved counts half; 0: it counts for the value that showed it.

    Raises:
        ValueError: a parameter is outside its range.
    """

    WIDTH: ClassVar[int] = 8
    """The cells are values since the beginning, their mean and sum of squared deviations, the sums for a rise and a fall, the least and the
    greatest of these, and the score that fades."""

    def __init__(
        self,
        grace_period: int = 20,
        delta: float = 0.5,
        threshold: float = 8.0,
        alpha: float = 0.9999,
        mode: str = "both",
        scaling: str = "standard",
        half_life: float = 10.0,
    ) -> None:
        fade = check_drift(grace_period, scaling, half_life)
        if mode not in _MODES:
            raise ValueError(f"mode: expected one of {', '.join(_MODES)}, got {mode!r}")
        if not (delta >= 0.0 and threshold > 0.0 and 0.0 < alpha <= 1.0):
            got = f"{delta}, {threshold} and {alpha}"
            raise ValueError(f"expected delta of at least 0, threshold above 0 and alpha above 0 and at most 1, got {got}")
        self.width = self.WIDTH
        self.cost_ns = 20.0
        both = (mode != "down", mode != "up", scaling == "standard")
        self._settings = np.array([grace_period, delta, threshold, alpha, fade, *both], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state` [rows, 8] and by itself, then keeps it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("void(float64[:])")
def _begin(row: NDArray[np.float64]) -> None:
    row[:_HELD] = 0.0
    row[_LEAST], row[_MOST] = math.inf, -1.0  # as River begins


@compiled("float64(float64[:], float64, boolean)")
def _deviation(row: NDArray[np.float64], value: float, standard: bool) -> float:
    """Takes `value` into the mean, and returns how far it lies from that: in standard deviations of those before, where they have any."""
    before, squares = row[_MEAN], row[_SQUARES]
    row[_SINCE] += 1.0
    row[_MEAN] += (value - before) / row[_SINCE]
    away: float = value - row[_MEAN]
    row[_SQUARES] += (value - before) * away
    if not standard:
        return away
    spread, degrees = (squares, row[_SINCE] - 2.0) if squares > 0.0 else (row[_SQUARES], row[_SINCE] - 1.0)
    return away / math.sqrt(spread / degrees) if spread > 0.0 else 0.0


@compiled("float64(float64[:], float64, float64[::1])")
def _moved(row: NDArray[np.float64], deviation: float, settings: NDArray[np.float64]) -> float:
    """Adds `deviation` up, and returns how far the level has moved."""
    delta, alpha = settings[1], settings[3]
    row[_RISE] = alpha * row[_RISE] + deviation - delta
    row[_FALL] = alpha * row[_FALL] + deviation + delta
    row[_LEAST] = min(row[_LEAST], row[_RISE])
    row[_MOST] = max(row[_MOST], row[_FALL])
    rise = row[_RISE] - row[_LEAST] if settings[5] else 0.0
    fall = row[_MOST] - row[_FALL] if settings[6] else 0.0
    return max(rise, fall)


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    if row[_SINCE] == 0.0:
        _begin(row)
    moved = _moved(row, _deviation(row, value, settings[7] != 0.0), settings)
    score = of_limit(moved, settings[2]) if row[_SINCE] > settings[0] else 0.0
    shown, row[_HELD] = faded(score, row[_HELD], settings[4])
    if score > 0.5:
        row[_SINCE] = 0.0
    return shown


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
