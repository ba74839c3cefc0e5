"""Counts standardised values in bins that are dense where values are usual and wide far out, and reads far quantiles from them."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

WIDTH: Final = 0.05
"""Width of a bin on the scale of asinh(z): far out, edges differ by 5 %."""

LOW: Final = -4.0
"""The lower edge of the first bin on that scale, z = -27; values below it fall into that bin."""

BINS: Final = 240
"""The last bin begins at z = 1,418; values above it fall into that bin."""


@compiled("int64(float64)")
def bin_of(z: float) -> int:
    """Returns the bin of a standardised value: its lower edge is inclusive."""
    return int(min(max(math.floor((math.asinh(z) - LOW) / WIDTH), 0.0), BINS - 1.0))


@compiled("float64(float64[:], float64)")
def exceeded_by(counts: NDArray[np.float64], events: float) -> float:
    """Returns the value that about `events` of those counted in `counts` [BINS] exceed; within a bin asinh(z) counts as uniform.

    Where more are asked for than there are, it is the lower edge of the first bin.
    """
    above = 0.0
    place = BINS - 1
    while place > 0 and above + counts[place] < events:
        above += counts[place]
        place -= 1
    share = min((events - above) / counts[place], 1.0) if counts[place] > 0.0 else 0.0
    return math.sinh(LOW + (place + 1 - share) * WIDTH)
