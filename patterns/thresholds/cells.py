"""Divides the events of a cohort into cells, in each of which the tail is learned apart: by length of history and by usual level.

A far quantile of standardised values depends on how well the entity is known, and on whether it is a great or a small one: with one
quantile for all, entities with a long history and a high level give several times the alerts that they should.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

BANDS: Final = 9
"""Bands of the weight of an entity's history: below 1, then [1, 2), [2, 4) and so on by powers of two; the last is from 128 on."""

LEVELS: Final = 4
"""Levels of an entity's usual value: quarters of its cohort's events."""

CELLS: Final = BANDS * LEVELS
"""The number of cells of one cohort; cell `band * LEVELS + level`."""

CUTS: Final = LEVELS - 1
"""The number of usual values that part the levels of a cohort; a level's lower edge is inclusive."""

ROUNDING: Final = 0.5
"""A history of 2 ** k events has decayed a little: it belongs to band k + 1 as long as its weight is above 2 ** k less this."""


@compiled("int64(float64, float64, float64[:])")
def find_cell(weight: float, usual: float, cuts: NDArray[np.float64]) -> int:
    """Returns the cell of an entity with a history of `weight` and the value `usual` in a cohort with these `cuts`, [CUTS] ascending."""
    band, events = 0, 1.0
    while band < BANDS - 1 and weight >= events - ROUNDING:
        band += 1
        events *= 2.0
    level = 0
    while level < CUTS and usual >= cuts[level]:
        level += 1
    return band * LEVELS + level
