"""Holds probabilities that were said against how often they came true."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Of the bins of probabilities; each has its lower edge, and the last one both."""
_Z = 1.959963984540054


class Bin(NamedTuple):
    """Holds events whose probability was said to be within a bin.

    Args:
        least, most: edges of the bin.
        events: how many.
        mean: of what was said.
        frauds: how many were fraud.
        share, low, high: the share of fraud, and Wilson's interval (1927) that holds it in 95 of 100 cases.
    """

    least: float
    most: float
    events: int
    mean: float
    frauds: int
    share: float
    low: float
    high: float


def reliability(probabilities: NDArray[np.float64], fraud: NDArray[np.bool_]) -> list[Bin]:
    """Returns the bins that have events; `probabilities` [n] are NaN where none was said, and such events do not count."""
    said = ~np.isnan(probabilities)
    values, bad = probabilities[said], fraud[said]
    bins = np.minimum(np.searchsorted(EDGES, values, side="right") - 1, len(EDGES) - 2)
    return [_bin(at, values[bins == at], bad[bins == at]) for at in np.unique(bins).tolist()]


def _bin(at: int, values: NDArray[np.float64], fraud: NDArray[np.bool_]) -> Bin:
    n, frauds = len(values), int(fraud.sum())
    share = frauds / n
    middle, half = share + _Z**2 / (2 * n), _Z * math.sqrt(share * (1.0 - share) / n + _Z**2 / (4 * n * n))
    low, high = ((middle + sign * half) / (1.0 + _Z**2 / n) for sign in (-1.0, 1.0))
    return Bin(EDGES[at], EDGES[at + 1], n, float(values.mean()), frauds, share, max(low, 0.0), min(high, 1.0))
