"""Scores how much the mean of its key's latest values differs from that of those before: ADWIN, a window that adapts.

Bifet and Gavaldà: Learning from time-changing data with adaptive windowing. SDM 2007. This is River's `drift.ADWIN` over rows of flat
numbers, with a window of bounded length.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.drift_score import check_drift, faded, of_limit
from detectors.keyed.keyed_loop import OF_VALUES, STEP, score_learn_each

_SINCE, _HELD, _RATIO, _WIDTH, _TOTAL, _VARIANCE, _COUNTS = range(7)
_LEVELS_MAX: Final = 20
_BUCKETS_MAX: Final = 32


class ADWIN:
    """Scores r / (1 + r), where r is the greatest difference of the means on both sides of a cut through the window, over its limit.

    Above 0.5 the mean has changed with confidence 1 - `delta`, and the key begins anew, as River has it; the score fades from then on,
    after `half_life` values it counts half. Cuts are tried every `clock` values, and the score stands in between. A key holds buckets of 1,
    2, 4 ... values, `max_buckets` of each size and `levels` sizes: where River's window would grow beyond `max_buckets` * (2**`levels` - 1)
    values, here the oldest bucket is let go, so that a change is sought in so many of the latest values. About 0.25 µs a value.

    >>> import numpy as np
    >>> detector, out = ADWIN(clock=8), np.empty(88)
    >>> spent = np.append(10.0 + np.arange(64) % 5, np.full(24, 20.0))
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(88, np.int64), spent, out)
    >>> out[63::8].round(2).tolist()
    [0.07, 0.45, 0.56, 0.32]

    Args:
        grace_period: number of values since the last beginning before cuts are tried, at least 1.
        delta: probability of a change where there is none, between 0 and 1, exclusive.
        clock: number of values after which cuts are tried, at least 1.
        max_buckets: number of buckets of each size, 2 to 32.
        min_window_length: number of values on either side of a cut, at least 1.
        levels: number of sizes of buckets, 2 to 20.
        scaling: ``standard`` takes the term of the limit that is for numbers in [0, 1] in standard deviations of the window, so that the
            unit of the values does not matter; ``none`` leaves it, as River does.
        half_life: number of values of the key after which a change counts half; 0: it counts for the value that showed it.

    Raises:
        ValueError: a parameter is outside its range.
    """

    def __init__(
        self,
        grace_period: int = 10,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        levels: int = 8,
        scaling: str = "standard",
        half_life: float = 10.0,
    ) -> None:
        fade = check_drift(grace_period, scaling, half_life)
        if not (0.0 < delta < 1.0 and clock >= 1 and min_window_length >= 1):
            got = f"{delta}, {clock} and {min_window_length}"
            raise ValueError(f"expected delta between 0 and 1, clock and min_window_length of at least 1, got {got}")
        if not (2 <= max_buckets <= _BUCKETS_MAX and 2 <= levels <= _LEVELS_MAX):
            expected = f"max_buckets of 2 to {_BUCKETS_MAX} and levels of 2 to {_LEVELS_MAX}"
            raise ValueError(f"expected {expected}, got {max_buckets} and {levels}")
        self.width = _COUNTS + levels * (1 + 2 * (max_buckets + 1))
        self.cost_ns = 40.0 + 400.0 / clock
        sizes = (clock, max_buckets, levels)
        self._settings = np.array([grace_period, delta, min_window_length, fade, scaling == "standard", *sizes], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state` and by itself, then keeps it; see `detectors.learner.Keyed`."""
        _score_learn(state, slots, x, self._settings, out)


@compiled("void(float64[:], int64, int64, int64, int64)")
def _drop(row: NDArray[np.float64], level: int, first: int, spread: int, n: int) -> None:
    """Takes the `n` oldest buckets off a level, whose totals begin at `first` and variances `spread` cells behind."""
    left = int(row[_COUNTS + level]) - n
    for bucket in range(first, first + left):
        row[bucket] = row[bucket + n]
        row[bucket + spread] = row[bucket + spread + n]
    row[_COUNTS + level] = left


@compiled("void(float64[:], int64, int64, int64)")
def _let_go(row: NDArray[np.float64], level: int, first: int, spread: int) -> None:
    """Takes the oldest bucket, one of the greatest, out of the window."""
    n, total, variance = float(1 << level), row[first], row[first + spread]
    row[_WIDTH] -= n
    row[_TOTAL] -= total
    difference = total / n - row[_TOTAL] / row[_WIDTH]
    row[_VARIANCE] -= variance + n * row[_WIDTH] * difference * difference / (n + row[_WIDTH])
    _drop(row, level, first, spread, 1)


@compiled("void(float64[:], float64, int64, int64)")
def _insert(row: NDArray[np.float64], value: float, max_buckets: int, levels: int) -> None:
    """Takes `value` into the window as a bucket of one, and puts two buckets together wherever a level has too many."""
    row[_WIDTH] += 1.0
    if row[_WIDTH] > 1.0:
        away = value - row[_TOTAL] / (row[_WIDTH] - 1.0)
        row[_VARIANCE] += (row[_WIDTH] - 1.0) * away * away / row[_WIDTH]
    row[_TOTAL] += value
    total, variance, spread = value, 0.0, levels * (max_buckets + 1)
    for level in range(levels):
        first = _COUNTS + levels + level * (max_buckets + 1)
        last = first + int(row[_COUNTS + level])
        row[last], row[last + spread] = total, variance
        row[_COUNTS + level] += 1.0
        if row[_COUNTS + level] <= max_buckets:
            return
        if level == levels - 1:
            _let_go(row, level, first, spread)
            return
        n, difference = float(1 << level), (row[first] - row[first + 1]) / (1 << level)
        total = row[first] + row[first + 1]
        variance = row[first + spread] + row[first + spread + 1] + n * difference * difference / 2.0
        _drop(row, level, first, spread, 2)


@compiled("float64(float64[:], int64, int64, float64[::1])")
def _greatest_ratio(row: NDArray[np.float64], max_buckets: int, levels: int, settings: NDArray[np.float64]) -> float:
    """Returns the greatest difference of means over its limit, of all cuts between two buckets."""
    if row[_VARIANCE] <= 0.0:
        return 0.0
    least, variance = settings[2], row[_VARIANCE] / row[_WIDTH]
    log_term = math.log(2.0 * math.log(row[_WIDTH]) / settings[1])
    unit = math.sqrt(variance) if settings[4] else 1.0
    ratio, older, sum_older, newer, sum_newer = 0.0, 0.0, 0.0, row[_WIDTH], row[_TOTAL]
    for level in range(levels - 1, -1, -1):
        first = _COUNTS + levels + level * (max_buckets + 1)
        for bucket in range(int(row[_COUNTS + level])):
            older += 1 << level
            newer -= 1 << level
            sum_older += row[first + bucket]
            sum_newer -= row[first + bucket]
            if older < least or newer < least:
                continue
            weight = 1.0 / (older - least + 1.0) + 1.0 / (newer - least + 1.0)
            limit = math.sqrt(2.0 * weight * variance * log_term) + 2.0 / 3.0 * unit * log_term * weight
            ratio = max(ratio, abs(sum_older / older - sum_newer / newer) / limit)
    return ratio


@compiled(STEP)
def _step(row: NDArray[np.float64], value: float, settings: NDArray[np.float64]) -> float:
    """Scores and learns a value; the settings are those of the detector, then clock, number of buckets of a size, and number of sizes."""
    clock, max_buckets, levels = settings[5], int(settings[6]), int(settings[7])
    row[_SINCE] += 1.0
    _insert(row, value, max_buckets, levels)
    if row[_SINCE] % clock == 0.0 and row[_WIDTH] > settings[0]:
        row[_RATIO] = _greatest_ratio(row, max_buckets, levels, settings)
    score = of_limit(row[_RATIO], 1.0)
    shown, row[_HELD] = faded(score, row[_HELD], settings[3])
    if score > 0.5:  # the key begins anew
        row[_SINCE] = row[_RATIO] = row[_WIDTH] = row[_TOTAL] = row[_VARIANCE] = 0.0
        row[_COUNTS : _COUNTS + levels] = 0.0
    return shown


@compiled(OF_VALUES)
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    score_learn_each(state, slots, x, settings, out, _step)
