"""Kernels: the latest values of a key, in the order of arrival and sorted, in cells that the caller owns.

A row has 1 + 2 * `window_size` cells: the number of values so far, a ring of the latest in the order of their arrival, and the same sorted
in ascending order.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

WINDOW_MAX: Final = 256
"""The greatest window: its values are kept for every key."""


def cells(window_size: int) -> int:
    """Returns the number of cells of a window of so many values.

    Raises:
        ValueError: there is no such window.
    """
    if not 2 <= window_size <= WINDOW_MAX:
        raise ValueError(f"window_size: expected 2 to {WINDOW_MAX}, got {window_size}")
    return 1 + 2 * window_size


@compiled("int64(float64[:], int64)")
def held(row: NDArray[np.float64], window_size: int) -> int:
    """Returns how many values the window holds."""
    return min(int(row[0]), window_size)


@compiled("int64(float64[:], int64, int64, float64)")
def first_not_below(row: NDArray[np.float64], first: int, n: int, value: float) -> int:
    """Returns the position, from 0 to `n`, of the first of the `n` sorted cells from `first` on that is not below `value`."""
    low, high = 0, n
    while low < high:
        middle = (low + high) >> 1
        if row[first + middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled("void(float64[:], int64, float64)")
def replace_oldest(row: NDArray[np.float64], window_size: int, value: float) -> None:
    """Takes `value` into the window, in the place of the oldest where it is full. O(window_size) moves of a cell."""
    n = held(row, window_size)
    first = 1 + window_size
    ring = 1 + np.int64(row[0]) % window_size
    hole = n if n < window_size else first_not_below(row, first, n, row[ring])
    while hole > 0 and row[first + hole - 1] > value:
        row[first + hole] = row[first + hole - 1]
        hole -= 1
    last = min(n, window_size - 1)
    while hole < last and row[first + hole + 1] < value:
        row[first + hole] = row[first + hole + 1]
        hole += 1
    row[first + hole] = value
    row[ring] = value
    row[0] += 1.0


@compiled("float64(float64[:], int64, int64)")
def middle_of(row: NDArray[np.float64], first: int, n: int) -> float:
    """Returns the median of `n` sorted cells from `first` on; of an even number the mean of the two in the middle."""
    half = n >> 1
    return float(row[first + half] if n & 1 else 0.5 * (row[first + half - 1] + row[first + half]))


@compiled("float64(float64[:], int64, int64, int64, float64, int64)")
def _nearest(row: NDArray[np.float64], first: int, n: int, left: int, centre: float, rank: int) -> float:
    """Returns the distance from `centre` of the cell that `rank` others are as near as, where `left` of the sorted cells lie below it.

    Distances ascend on either side, so that how many of the nearest lie on the left is found by halving.
    """
    low, high = max(rank + 1 - (n - left), 0), min(rank + 1, left)
    while low < high:
        taken = (low + high) >> 1
        if centre - row[first + left - 1 - taken] < row[first + left + rank - taken] - centre:
            low = taken + 1
        else:
            high = taken
    below = centre - row[first + left - low] if low > 0 else 0.0
    above = row[first + left + rank - low] - centre if low <= rank else 0.0
    return max(below, above)


@compiled("float64(float64[:], int64, int64, float64)")
def median_distance(row: NDArray[np.float64], first: int, n: int, centre: float) -> float:
    """Returns the median of the distances of `n` sorted cells from `centre`, in O(log n)."""
    left, half = first_not_below(row, first, n, centre), n >> 1
    far = _nearest(row, first, n, left, centre, half)
    return far if n & 1 else 0.5 * (far + _nearest(row, first, n, left, centre, half - 1))
