"""What an entity has learned of its own values: a decayed mean and spread, in four words of its profile.

An entity with few events borrows from its cohort, with the weight of `BORROWED` events: n of its own count n / (n + 8). A far quantile is
not asked of an entity at all: that of its cohort's standardised values is used (`patterns.thresholds.tail_table`).
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from patterns.thresholds.cells import LEVELS, find_cell
from patterns.thresholds.tail_table import TailTable

WIDTH: Final = 4
"""Words a key: weight of the history, mean, decayed sum of squared deviations, and time of the newest event in ms."""

BORROWED: Final = 8.0
"""The number of events that what an entity borrows from its cohort counts as."""

SEEN: Final = 6
"""Columns of what `look` says of an event: the constants below are their positions."""
THRESHOLD, USUAL, SPREAD, WEIGHT, OWN_SPREAD, CELL = range(SEEN)


class Bounds(NamedTuple):
    """What a rule declares of its threshold.

    Args:
        half_life_ms: time after which an event counts half.
        floor: least threshold; -inf where none is declared.
        cap: greatest threshold; inf where none is declared.
    """

    half_life_ms: float
    floor: float
    cap: float


def look(
    words: NDArray[np.float64],
    slots: NDArray[np.int64],
    values: NDArray[np.float64],
    times_ms: NDArray[np.int64],
    cohorts: NDArray[np.int64],
    table: TailTable,
    bounds: Bounds,
) -> NDArray[np.float64]:
    """Returns [n, SEEN] what is known of each event's entity before that event; nothing is learned.

    The columns are the threshold (NaN while too little is known), the usual value and the spread, the weight of the history, the spread of
    the entity's own values alone (NaN below two events), and the cell. The row of an event without a value (NaN) is NaN.

    Args:
        words: [rows, WIDTH] sections of profiles.
        slots: [n] row of each event's entity in `words`.
        values: [n] the values that thresholds are asked for.
        cohorts: [n] row of each event's cohort in `table`.
    """
    seen = np.empty((len(slots), SEEN))
    _look(words, slots, values, _plain(times_ms), cohorts, *table.known, *bounds, np.zeros(len(slots), np.bool_), seen)
    return seen


def learn(
    words: NDArray[np.float64],
    slots: NDArray[np.int64],
    values: NDArray[np.float64],
    times_ms: NDArray[np.int64],
    thresholds: NDArray[np.float64],
    half_life_ms: float,
) -> None:
    """Lets the entities learn the values, none of them above its threshold: one above it counts as if it stood on it.

    Otherwise a single attack would teach its victim that attacks are usual, and an entity whose habits have changed for good would
    never be known again if such values were left out. A value that is NaN teaches nothing.

    Args:
        thresholds: [n] as `look` gave them; NaN where there was none.
    """
    _learn(words, slots, values, _plain(times_ms), thresholds, half_life_ms)


def look_and_learn(
    words: NDArray[np.float64],
    slots: NDArray[np.int64],
    values: NDArray[np.float64],
    times_ms: NDArray[np.int64],
    cohorts: NDArray[np.int64],
    table: TailTable,
    bounds: Bounds,
    teaches: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Looks at each event and learns it before the next one, so that an entity may stand in the batch more than once; see `look`.

    Args:
        teaches: [n] which events are learned; None: all.
    """
    seen = np.empty((len(slots), SEEN))
    teaches = np.ones(len(slots), np.bool_) if teaches is None else teaches
    _look(words, slots, values, _plain(times_ms), cohorts, *table.known, *bounds, teaches, seen)
    return seen


def _plain(times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the times as kernels take them: those of events that came as bytes are read-only."""
    return times_ms if times_ms.flags.writeable else times_ms.copy()


@compiled("float64(float64, float64, int64, float64)")
def _kept(weight: float, newest_ms: float, time_ms: int, half_life_ms: float) -> float:
    """The share of a history that still counts at `time_ms`; an event from before the newest one finds it undecayed."""
    if weight <= 0.0 or time_ms <= newest_ms:
        return 1.0
    return math.exp2((newest_ms - time_ms) / half_life_ms)


_TABLES = "float64[:], float64[:, :], float64[:, :], float64[:, :], float64, float64, float64"


@compiled(f"void(float64[:], float64, int64, int64, {_TABLES}, float64[:])")
def _look_at(
    own: NDArray[np.float64],
    value: float,
    time_ms: int,
    cohort: int,
    usual: NDArray[np.float64],
    spread: NDArray[np.float64],
    cuts: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    half_life_ms: float,
    floor: float,
    cap: float,
    seen: NDArray[np.float64],
) -> None:
    if np.isnan(value):
        seen[:] = np.nan
        return
    kept = _kept(own[0], own[3], time_ms, half_life_ms)
    weight, squares = own[0] * kept, own[2] * kept
    seen[USUAL] = (weight * own[1] + BORROWED * usual[cohort]) / (weight + BORROWED)
    cell = find_cell(weight, seen[USUAL], cuts[cohort])
    borrowed = spread[cohort, cell % LEVELS]
    seen[SPREAD] = math.sqrt((squares + BORROWED * borrowed * borrowed) / (weight + BORROWED))
    threshold = seen[USUAL] + seen[SPREAD] * quantiles[cohort, cell]
    seen[THRESHOLD] = threshold if np.isnan(threshold) else min(max(threshold, floor), cap)
    seen[WEIGHT] = weight
    seen[OWN_SPREAD] = math.sqrt(squares / (weight - 1.0)) if weight >= 2.0 - 1e-3 else np.nan
    seen[CELL] = cell


@compiled("void(float64[:], float64, int64, float64, float64)")
def _learn_one(own: NDArray[np.float64], value: float, time_ms: int, threshold: float, half_life_ms: float) -> None:
    if np.isnan(value):
        return
    kept = _kept(own[0], own[3], time_ms, half_life_ms)
    taken = value if not value > threshold else threshold
    own[0] = own[0] * kept + 1.0
    away = taken - own[1]
    own[1] += away / own[0]
    own[2] = own[2] * kept + away * (taken - own[1])
    own[3] = max(own[3], float(time_ms))


_EVENTS = "float64[:, :], int64[:], float64[:], int64[:]"


@compiled(f"void({_EVENTS}, int64[:], {_TABLES}, boolean[:], float64[:, :])")
def _look(
    words: NDArray[np.float64],
    slots: NDArray[np.int64],
    values: NDArray[np.float64],
    times_ms: NDArray[np.int64],
    cohorts: NDArray[np.int64],
    usual: NDArray[np.float64],
    spread: NDArray[np.float64],
    cuts: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    half_life_ms: float,
    floor: float,
    cap: float,
    teaches: NDArray[np.bool_],
    seen: NDArray[np.float64],
) -> None:
    for i in range(len(slots)):
        own = words[slots[i]]
        _look_at(own, values[i], times_ms[i], cohorts[i], usual, spread, cuts, quantiles, half_life_ms, floor, cap, seen[i])
        if teaches[i]:
            _learn_one(own, values[i], times_ms[i], seen[i, THRESHOLD], half_life_ms)


@compiled(f"void({_EVENTS}, float64[:], float64)")
def _learn(
    words: NDArray[np.float64],
    slots: NDArray[np.int64],
    values: NDArray[np.float64],
    times_ms: NDArray[np.int64],
    thresholds: NDArray[np.float64],
    half_life_ms: float,
) -> None:
    for i in range(len(slots)):
        _learn_one(words[slots[i]], values[i], times_ms[i], thresholds[i], half_life_ms)
