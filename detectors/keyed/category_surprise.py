"""Scores how much more usual the values of a category are in all events than in those of its key.

Maxion and Townsend: Masquerade detection using truncated command lines. DSN 2002: the multinomial model of self against non-self, with
update. A share that is smoothed towards the population's is that of MacKay and Peto: A hierarchical Dirichlet language model. Natural
Language Engineering 1, 1995.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.category_counts import NOBODY, Population, mixed
from detectors.keyed.keyed_loop import score_learn_each

_EVENTS, _MEAN, _TOTAL, _TABLE = 0, 1, 2, 3
_REACH: Final = 16
"""A value stands in one of so many cells from that on which its hash names."""
_VALUES_MAX: Final = 1_024


class CategorySurprise:
    """Scores r / (1 + r), where r is the share of a value in the population, divided by that in the key's own events.

    The own share is smoothed: it counts as if `strength` events of the population had been the key's. So 0.5 says that a value is as usual
    for the key as for all, and one that is new to the key scores the higher, the longer the key is known. What the key's events are taken
    out of is the population as its snapshot counts it. With a `half_life` the score is that of the decayed mean of log r over the key's
    events, which tells who sits at a keyboard better than a single command does. Each event is learned after it was scored. A key
    remembers `values` values, the least frequent of some is replaced where there is no room; at `memory` events all its counts are
    halved. About 0.1 µs a value.

    >>> import numpy as np
    >>> detector, out = CategorySurprise(grace_period=5), np.empty(12)
    >>> commands = np.array([1.5, 1.25, 1.5, 1.5, 1.25, 1.5, 1.25, 1.5, 1.5, 1.5, 1.75, 1.5])
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(12, np.int64), commands, out)
    >>> [float(score) for score in out[9:].round(2)]
    [0.43, 0.92, 0.44]

    Args:
        grace_period: number of values of a key before it is scored, at least 1.
        half_life: number of values after which the surprise of one counts half; 0: each is scored alone.
        strength: how many events of the population a key begins with, above 0.
        values: number of different values that a key remembers, a power of 2 from 16 to 1,024.
        memory: number of events at which a key's counts are halved, at least 10.

    Raises:
        ValueError: a parameter is outside its range.
    """

    def __init__(
        self, grace_period: int = 20, half_life: float = 0.0, strength: float = 1.0, values: int = 64, memory: int = 10_000
    ) -> None:
        if grace_period < 1:
            raise ValueError(f"grace_period: expected at least 1, got {grace_period}")
        if not (half_life >= 0.0 and 0.0 < strength < 1e9 and memory >= 10):
            got = f"{half_life}, {strength}, {memory}"
            raise ValueError(f"expected half_life of at least 0, strength above 0 and memory of at least 10, got {got}")
        if not (_REACH <= values <= _VALUES_MAX and values & (values - 1) == 0):
            raise ValueError(f"values: expected a power of 2 from {_REACH} to {_VALUES_MAX}, got {values}")
        self.width = _TABLE + 2 * values
        self.cost_ns = 150.0
        weight = 1.0 if half_life == 0.0 else 1.0 - 0.5 ** (1.0 / half_life)
        self._settings = np.array([grace_period, weight, strength, memory, values], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each value by its key's row of `state` alone, then learns it; see `detectors.learner.Keyed`."""
        self.score_learn_among(state, slots, x, out, NOBODY)

    def score_learn_among(
        self,
        state: NDArray[np.float64],
        slots: NDArray[np.int64],
        x: NDArray[np.float64],
        out: NDArray[np.float64],
        population: Population,
    ) -> None:
        """Scores each value by its key's row of `state` and by `population`, then learns it."""
        _score_learn(state, slots, x, self._settings, population.words, population.counts, population.total, out)


@compiled("float64(int64, int64[:], float64[:])")
def _count_of(bits: int, words: NDArray[np.int64], counts: NDArray[np.float64]) -> float:
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) >> 1
        if words[middle] < bits:
            low = middle + 1
        else:
            high = middle
    return counts[low] if low < len(words) and words[low] == bits else 0.0


@compiled("int64(float64[:], int64, float64, int64)")
def _cell_of(row: NDArray[np.float64], values: int, word: float, bits: int) -> int:
    """Returns the cell that counts `word`, or else the one that it may take: the first with the least count."""
    least, count, first = 0, math.inf, mixed(bits)
    for step in range(_REACH):
        cell = _TABLE + 2 * ((first + step) & (values - 1))
        if row[cell + 1] > 0.0 and row[cell] == word:
            return cell
        if row[cell + 1] < count:
            least, count = cell, row[cell + 1]
    return least


@compiled("float64(float64[:], float64, float64, float64, int64, float64)")
def _surprise(row: NDArray[np.float64], own: float, everywhere: float, total: float, different: int, strength: float) -> float:
    """Returns the logarithm of a value's share in the population, the key's own events taken out, over that in the key's."""
    known = max(total - row[_TOTAL], 0.0)
    share = (max(everywhere - own, 0.0) + 1.0 / (different + 2.0)) / (known + 1.0)
    return math.log(share * (row[_TOTAL] + strength) / (own + strength * share))


@compiled("void(float64[:], int64, float64)")
def _halve(row: NDArray[np.float64], values: int, memory: float) -> None:
    if row[_TOTAL] < memory:
        return
    row[_TOTAL] *= 0.5
    for place in range(values):
        count = 0.5 * row[_TABLE + 2 * place + 1]
        row[_TABLE + 2 * place + 1] = count if count >= 1.0 else 0.0


@compiled("float64(float64[:], float64, Tuple((float64[::1], int64[:], float64[:], float64)))")
def _step(row: NDArray[np.float64], word: float, given: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], float]) -> float:
    """Scores and learns a value.

    Args:
        given: settings (grace period, weight of the newest value, strength, memory, number of values), and the population's words, their
            counts, and the number of its events.
    """
    settings, words, counts, total = given
    values, bits = int(settings[4]), int(np.float64(word).view(np.int64))
    cell = _cell_of(row, values, word, bits)
    own = row[cell + 1] if row[cell] == word else 0.0
    log_ratio = _surprise(row, own, _count_of(bits, words, counts), total, len(words), settings[2])
    row[_EVENTS] += 1.0
    score, scored = 0.0, row[_EVENTS] - settings[0]
    if scored > 0.0:
        row[_MEAN] += max(settings[1], 1.0 / scored) * (log_ratio - row[_MEAN])
        score = 1.0 / (1.0 + math.exp(-row[_MEAN]))
    if own == 0.0:
        row[cell], row[cell + 1] = word, 0.0
    row[cell + 1] += 1.0
    row[_TOTAL] += 1.0
    _halve(row, values, settings[3])
    return score


@compiled("void(float64[:, :], int64[:], float64[:], float64[::1], int64[:], float64[:], float64, float64[:])")
def _score_learn(
    state: NDArray[np.float64],
    slots: NDArray[np.int64],
    x: NDArray[np.float64],
    settings: NDArray[np.float64],
    words: NDArray[np.int64],
    counts: NDArray[np.float64],
    total: float,
    out: NDArray[np.float64],
) -> None:
    score_learn_each(state, slots, x, (settings, words, counts, total), out, _step)
