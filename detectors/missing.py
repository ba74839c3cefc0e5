"""Decides which numbers count as present."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

LARGEST: Final = 1e100
"""Numbers further from 0 count as missing, as NaN does: their squares would overflow and spoil a detector for good."""


@compiled("boolean(float64)")
def is_present(value: float) -> bool:
    """Tells whether `value` is a number that a detector learns and scores."""
    return abs(value) <= LARGEST


@compiled("boolean(float64[:])")
def is_mostly_missing(row: NDArray[np.float64]) -> bool:
    """Tells whether more than half of the inputs [inputs] are missing."""
    present = 0
    for value in row:
        present += is_present(value)
    return 2 * present < len(row)


def are_mostly_missing(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tells [n] whether more than half of the inputs of each row of `x` [n, inputs] are missing.

    A model neither scores such a row nor learns from it: its score would reflect the gap, not the event.
    """
    missing = np.empty(len(x), np.bool_)
    _find_mostly_missing(np.ascontiguousarray(x, np.float64), missing)
    return missing


def without_mostly_missing(x: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns `scores` [n], changed in place: NaN where more than half of the inputs of a row of `x` [n, inputs] are missing."""
    _drop_mostly_missing(np.ascontiguousarray(x, np.float64), scores)
    return scores


@compiled("void(float64[:, ::1], float64[:])")
def _drop_mostly_missing(x: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    for row in range(x.shape[0]):
        if is_mostly_missing(x[row]):
            scores[row] = np.nan


@compiled("void(float64[:, ::1], boolean[::1])")
def _find_mostly_missing(x: NDArray[np.float64], out: NDArray[np.bool_]) -> None:
    for row in range(x.shape[0]):
        out[row] = is_mostly_missing(x[row])
