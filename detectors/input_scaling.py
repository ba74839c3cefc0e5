"""Inputs of any range brought near [0, 1], by running figures that are part of a learner's state."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.missing import is_present

SCALINGS: Final = ("none", "min_max", "standard")
"""``none``: as they come. ``min_max``: River's MinMaxScaler, smallest seen to 0, largest to 1. ``standard``: the mean to
0.5, eight standard deviations below and above it to 0 and 1, so that one enormous value does not flatten all others."""

WIDTH: Final = 3
"""Cells an input: for min_max smallest, largest, unused; for standard count, mean, variance of the population."""

_SPREAD_STANDARD_DEVIATIONS: Final = 16.0


def newborn(scaling: str, inputs: int) -> NDArray[np.float64]:
    """Running figures [inputs, WIDTH] before the first event."""
    figures = np.zeros((inputs, WIDTH))
    if scaling == "min_max":
        figures[:, 0] = np.inf
        figures[:, 1] = -np.inf
    return figures


@compiled("void(int64, boolean, float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def scale_rows(scaling: int, learns: bool, figures: NDArray[np.float64], x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Scales the rows of `x` into `out`; with `learns`, each row is taken into `figures` before it is scaled.

    Missing inputs come out NaN and are not learned. An input that has not varied yet scales to 0
    (min_max, as River has it) or 0.5 (standard).

    Args:
        scaling: position in SCALINGS.
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
