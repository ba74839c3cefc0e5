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


@compiled("void(int64, boolean, float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def scale_rows(scaling: int, learns: bool, figures: NDArray[np.float64], x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Scales the rows of `x` into `out`; with `learns`, updates `figures` by each row before it is scaled.

    Missing inputs become NaN and are not learned. An input that has not varied yet scales to 0
    (min_max, as River has it) or 0.5 (standard).

    Args:
        scaling: index in SCALINGS.
    """
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            value = x[row, column]
            if not is_present(value):
                out[row, column] = np.nan
            elif scaling == 0:
                out[row, column] = value
            elif scaling == 1:
                if learns:
                    figures[column, 0] = min(figures[column, 0], value)
                    figures[column, 1] = max(figures[column, 1], value)
                width = figures[column, 1] - figures[column, 0]
                out[row, column] = (value - figures[column, 0]) / width if width > 0.0 else 0.0
            else:
                if learns:
                    figures[column, 0] += 1.0
                    difference = value - figures[column, 1]
                    figures[column, 1] += difference / figures[column, 0]
                    squared = difference * (value - figures[column, 1])
                    figures[column, 2] += (squared - figures[column, 2]) / figures[column, 0]
                deviation = np.sqrt(figures[column, 2])
                away = (value - figures[column, 1]) / (_SPREAD_STANDARD_DEVIATIONS * deviation) if deviation > 0.0 else 0.0
                out[row, column] = 0.5 + away
