"""Scores how far a row lies from the nearest of the patterns that its key has shown before.

Hartigan: Clustering algorithms. Wiley 1975, chapter 3 (the leader algorithm). Prototypes as a model of what is normal: Spinosa, de Carvalho
and Gama: OLINDDA, a cluster-based approach for detecting novelty and concept drift in data streams. SAC 2007.
"""

import math
import operator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.input_scaling import SCALINGS as FIGURES
from detectors.input_scaling import WIDTH, scale_value
from detectors.key_bytes import check_key_bytes
from detectors.keyed.keyed_loop import fetch_ahead
from detectors.missing import is_mostly_missing, is_present
from foundation.compiled import borrowed, held

PROTOTYPES_MAX: Final = 256
SCALINGS: Final = ("none", "standard")
"""Distances are those of the inputs as they are, or of inputs divided by their own standard deviation at the key so far."""
_FIRST: Final = 1
"""The number of cells before the figures of the inputs."""
_STANDARD: Final = FIGURES.index("standard")
_FARTHEST: Final = 1e150
"""What differs from an input that never varied is this far: squares of it can still be added up."""


class NearestPrototype:
    """Scores a row by its distance d from the nearest prototype of its key, as d / (d + radius): 0 on it, a half at `radius`, 1 far away.

    A key has several habits, and a row between them is as strange as one beyond them: a mean and a spread, or the range of each input by
    itself, do not see that. A row within `radius` of a prototype draws it nearer by the `fading_factor`; any other becomes a prototype
    itself, in place of the one that no row has come near for longest. So a score is above a half where the key has not done the like among
    what it is remembered by, and what it does again is no longer strange.

    Missing inputs are left out of the distance, and the others count for them. A key takes 8 bytes for each of 1 + 3 `inputs` +
    `prototypes` × (1 + `inputs`) cells: 440 bytes by default with two inputs. About 0.1 µs a row of two inputs.

    >>> import numpy as np
    >>> detector, out = NearestPrototype(inputs=2, grace_period=4), np.empty((6, 3))
    >>> rows = np.array([[5.0, 9.0], [80.0, 20.0], [5.2, 9.1], [81.0, 20.1], [5.1, 9.0], [80.0, 9.0]])
    >>> detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(6, np.int64), rows, out)
    >>> out[:, 0].round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.67]

    Args:
        inputs: number of inputs in a row, at least 1.
        prototypes: greatest number of prototypes of a key, 2 to `PROTOTYPES_MAX`.
        radius: distance within which a row counts as a repetition, above 0; in standard deviations with ``scaling: standard``.
        fading_factor: share of the way to a row that a prototype moves, 0 to 1.
        scaling: one of `SCALINGS`.
        grace_period: number of rows of a key before it is scored, at least 0; they are learned, and score 0.

    Raises:
        ValueError: a parameter is outside its range, or a key would take more than 32 KiB.
        TypeError: a parameter that must be an integer is a fraction.
    """

    def __init__(
        self,
        inputs: int = 1,
        prototypes: int = 16,
        radius: float = 1.0,
        fading_factor: float = 0.05,
        scaling: str = "standard",
        grace_period: int = 20,
    ) -> None:
        for whole in (inputs, prototypes, grace_period):
            operator.index(whole)
        if inputs < 1 or not 2 <= prototypes <= PROTOTYPES_MAX or grace_period < 0:
            got = f"{inputs}, {prototypes} and {grace_period}"
            raise ValueError(
                f"expected inputs of at least 1, prototypes of 2 to {PROTOTYPES_MAX} and grace_period of at least 0, got {got}"
            )
        if not (0.0 < radius < math.inf and 0.0 <= fading_factor <= 1.0):
            raise ValueError(f"expected a radius above 0 and a fading_factor of 0 to 1, got {radius} and {fading_factor}")
        if scaling not in SCALINGS:
            raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
        self.inputs = inputs
        self.width = _FIRST + WIDTH * inputs + prototypes * (1 + inputs)
        check_key_bytes(self.width, "ask for fewer prototypes")
        self.cost_ns = 60.0 + 1.5 * prototypes * (1 + inputs)
        self._settings = np.array([radius, fading_factor, scaling == "standard", grace_period], np.float64)

    def score_learn_many(
        self, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Scores each row by its key's cells of `state`, then learns it; see `detectors.learner.Keyed`.

        Args:
            x: [n, inputs] rows, or [n] for one input.
            out: [n] scores, or [n, 1 + inputs] scores and the share of each input in them, by its part of the squared distance.
        """
        rows, said = x.reshape(len(slots), self.inputs), out[:, None] if out.ndim == 1 else out
        _score_learn(state, slots, rows, self._settings, said)


@compiled("void(float64[:], boolean, float64[:])")
def _measure(cells: NDArray[np.float64], is_scaled: bool, units: NDArray[np.float64]) -> None:
    """Writes into `units` by what a difference of each input is multiplied."""
    for column in range(len(units)):
        variance = cells[_FIRST + WIDTH * column + 2]
        units[column] = 1.0 if not is_scaled else 1.0 / math.sqrt(variance) if variance > 0.0 else _FARTHEST


@compiled("float64(float64, float64, float64)")
def _square(value: float, centre: float, unit: float) -> float:
    """Returns the squared difference of an input; 0 where it is missing."""
    away = min(abs(value - centre) * unit, _FARTHEST)
    return away * away if is_present(value) else 0.0


@compiled("float64(float64[:], float64[:], float64[:])")
def _squared_distance(row: NDArray[np.float64], centre: NDArray[np.float64], units: NDArray[np.float64]) -> float:
    total, present = 0.0, 0
    for column in range(len(row)):
        total += _square(row[column], centre[column], units[column])
        present += is_present(row[column])
    return total * len(row) / present


@compiled("Tuple((int64, float64))(float64[:], float64[:], float64[:])")
def _nearest(row: NDArray[np.float64], cells: NDArray[np.float64], units: NDArray[np.float64]) -> tuple[int, float]:
    """Returns where the nearest prototype stands among the cells and how far it is, of equals the first; (0, infinity) if there is none."""
    inputs, found, least = len(row), 0, np.inf
    for at in range(_FIRST + WIDTH * inputs, len(cells), 1 + inputs):
        if cells[at] > 0.0:
            squared = _squared_distance(row, cells[at + 1 : at + 1 + inputs], units)
            if squared < least:
                found, least = at, squared
    return found, math.sqrt(least)


@compiled("int64(float64[:], int64)")
def _longest_unused(cells: NDArray[np.float64], inputs: int) -> int:
    """Returns the place of a prototype that is free, or else of the one that no row has come near for longest."""
    found = _FIRST + WIDTH * inputs
    for at in range(found, len(cells), 1 + inputs):
        if cells[at] < cells[found]:
            found = at
    return found


@compiled("void(float64[:], float64[:], float64[:], int64, float64, float64[:])")
def _say(
    row: NDArray[np.float64], cells: NDArray[np.float64], units: NDArray[np.float64], at: int, score: float, out: NDArray[np.float64]
) -> None:
    """Writes the score, and if there is room the share of each input in it."""
    out[0] = score
    if len(out) == 1 or score == 0.0:
        return
    total = 0.0
    for column in range(len(row)):
        out[1 + column] = _square(row[column], cells[at + 1 + column], units[column])
        total += out[1 + column]
    for column in range(len(row)):
        out[1 + column] *= score / total


@compiled("void(float64[:], float64[:], int64, boolean, float64)")
def _learn(row: NDArray[np.float64], cells: NDArray[np.float64], at: int, is_repeated: bool, share: float) -> None:
    """Counts the row, and draws the prototype at `at` nearer to it, or puts one there in its place."""
    inputs = len(row)
    cells[0] += 1.0
    place = at if is_repeated else _longest_unused(cells, inputs)
    cells[place] = cells[0]
    for column in range(inputs):
        figures = cells[_FIRST + WIDTH * column : _FIRST + WIDTH * (column + 1)]
        if is_present(row[column]):
            scale_value(_STANDARD, True, figures, row[column])
            before = cells[place + 1 + column]
            cells[place + 1 + column] = before + share * (row[column] - before) if is_repeated else row[column]
        elif not is_repeated:
            cells[place + 1 + column] = figures[1]  # a new prototype that lacks an input is usual in it


@compiled("void(float64[:, :], int64[:], float64[:, :], float64[::1], float64[:, :])")
def _score_learn(
    state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64], settings: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Scores and learns rows; the settings are the radius, the fading factor, whether inputs are scaled, and the grace period."""
    units = np.empty(x.shape[1])
    keys, rows, said, by = borrowed(state), borrowed(x), borrowed(out), borrowed(units)
    for position in range(len(slots)):
        fetch_ahead(keys, slots, position)
        row = rows[position]
        if is_mostly_missing(row):
            said[position] = np.nan
            continue
        cells, said[position] = keys[slots[position]], 0.0
        _measure(cells, settings[2] != 0.0, by)
        at, distance = _nearest(row, cells, by)
        if at > 0 and cells[0] >= settings[3]:
            _say(row, cells, by, at, distance / (distance + settings[0]), said[position])
        _learn(row, cells, at, distance <= settings[0], settings[1])
    held(units)
