"""Scales inputs of any range to about [0, 1], by running figures that are part of a learner's state."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.missing import is_present

SCALINGS: Final = ("none", "min_max", "standard")
"""How inputs are scaled.

``none`` leaves inputs as they are. ``min_max`` is River's MinMaxScaler: the smallest seen becomes 0, the largest 1. ``standard`` maps the
mean to 0.5, and eight standard deviations below and above it to 0 and 1, so that one enormous value does not flatten all others.
"""

WIDTH: Final = 3
"""The number of cells per input: for min_max smallest, largest, unused; for standard count, mean, population variance."""

_SPREAD_STANDARD_DEVIATIONS: Final = 16.0


def newborn(scaling: str, inputs: int) -> NDArray[np.float64]:
    """Returns running figures [inputs, WIDTH] as they are before the first event."""
    figures = np.zeros((inputs, WIDTH))
    if scaling == "min_max":
        figures[:, 0] = np.inf
        figures[:, 1] = -np.inf
    return figures


@compiled("float64(int64, boolean, float64[:], float64)")
def scale_value(scaling: int, learns: bool, figures: NDArray[np.float64], value: float) -> float:
    """Returns `value` scaled by the running `figures` [WIDTH] of its input; with `learns`, updates these by it before.

    A missing value becomes NaN and is not learned. An input that has not varied yet scales to 0 (min_max, as River
    has it) or 0.5 (standard).

    Args:
        scaling: index in SCALINGS.
    """
    if not is_present(value):
        return np.nan
    if scaling == 0:
        return value
    if scaling == 1:
        if learns:
            figures[0] = min(figures[0], value)
            figures[1] = max(figures[1], value)
        width = figures[1] - figures[0]
        return (value - figures[0]) / width if width > 0.0 else 0.0
    if learns:
        figures[0] += 1.0
        difference = value - figures[1]
        figures[1] += difference / figures[0]
        squared = difference * (value - figures[1])
        figures[2] += (squared - figures[2]) / figures[0]
    deviation = np.sqrt(figures[2])
    return 0.5 + ((value - figures[1]) / (_SPREAD_STANDARD_DEVIATIONS * deviation) if deviation > 0.0 else 0.0)


@compiled("void(int64, boolean, float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def scale_rows(scaling: int, learns: bool, figures: NDArray[np.float64], x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Scales the rows of `x` into `out` by the `figures` [inputs, WIDTH] of their inputs, as `scale_value` does, row after row."""
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            out[row, column] = scale_value(scaling, learns, figures[column], x[row, column])
