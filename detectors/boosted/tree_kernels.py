"""Kernels: the loops of boosted symmetric trees over flat arrays.

All branches of a level of a symmetric tree ask the same question, so that a leaf's number is the answers as bits: no branch depends on
another, and a block of rows answers each question in a few instructions. Numbers become bins of one byte first, once for all trees.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.missing import is_present

BLOCK: Final = 64
"""Rows that pass all trees together: their bins stay in the first-level cache."""


@compiled("void(float64[:, ::1], int64, int64, float32[::1], int64[::1], uint8[::1], uint8[:, ::1])")
def bin_rows(
    x: NDArray[np.float64],
    first: int,
    count: int,
    borders: NDArray[np.float32],
    starts: NDArray[np.int64],
    missing_is_greatest: NDArray[np.uint8],
    bins: NDArray[np.uint8],
) -> None:
    """Writes the bins [inputs, BLOCK] of `count` rows of `x` from `first` on: a bin is the number of borders below the number.

    Numbers are rounded to single precision, as CatBoost does before it compares. What is missing is below, or above, all borders.
    """
    single = np.zeros(BLOCK, np.float32)
    at = np.zeros(BLOCK, np.int32)
    for column in range(x.shape[1]):
        low, length = starts[column], starts[column + 1] - starts[column]
        absent = np.float32(np.inf) if missing_is_greatest[column] else np.float32(-np.inf)
        for row in range(count):
            value = x[first + row, column]
            single[row] = np.float32(value) if is_present(value) else absent
            at[row] = 0
        # Each step of the search is taken by all rows: nothing branches on what a row finds, so that no branch is predicted wrong.
        while length > 0:
            half = (length + 1) // 2
            for row in range(count):
                at[row] += half * (borders[low + at[row] + half - 1] < single[row])
            length -= half
        for row in range(count):
            bins[column, row] = np.uint8(at[row])


@compiled("void(uint8[:, ::1], int64, int32[::1], uint8[::1], uint8[::1])")
def leaves_of_tree(
    bins: NDArray[np.uint8], count: int, split_input: NDArray[np.int32], split_bin: NDArray[np.uint8], leaves: NDArray[np.uint8]
) -> None:
    """Writes the numbers [BLOCK] of the leaves of one tree that `count` rows fall into; the answer of level k is bit k."""
    leaves[:count] = 0
    for level in range(split_input.shape[0]):
        column = split_input[level]
        border = split_bin[level]
        bit = np.uint8(1 << level)
        for row in range(count):
            leaves[row] |= bit if bins[column, row] > border else np.uint8(0)


@compiled("void(float64[:, ::1], float32[::1], int64[::1], uint8[::1], int32[:, ::1], uint8[:, ::1], float64[:, ::1], float64[::1])")
def add_leaf_values(
    x: NDArray[np.float64],
    borders: NDArray[np.float32],
    starts: NDArray[np.int64],
    missing_is_greatest: NDArray[np.uint8],
    split_input: NDArray[np.int32],
    split_bin: NDArray[np.uint8],
    values: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Adds to each row of `out` [n] the `values` [trees, leaves] of the leaves that the row of `x` falls into."""
    bins, leaves = np.empty((x.shape[1], BLOCK), np.uint8), np.empty(BLOCK, np.uint8)
    for first in range(0, x.shape[0], BLOCK):
        count = min(BLOCK, x.shape[0] - first)
        bin_rows(x, first, count, borders, starts, missing_is_greatest, bins)
        for tree in range(split_input.shape[0]):
            leaves_of_tree(bins, count, split_input[tree], split_bin[tree], leaves)
            for row in range(count):
                out[first + row] += values[tree, leaves[row]]


@compiled("void(float64[:, ::1], float32[::1], int64[::1], uint8[::1], int32[:, ::1], uint8[:, ::1], float64[:, :, ::1], float64[:, ::1])")
def add_shares(
    x: NDArray[np.float64],
    borders: NDArray[np.float32],
    starts: NDArray[np.int64],
    missing_is_greatest: NDArray[np.uint8],
    split_input: NDArray[np.int32],
    split_bin: NDArray[np.uint8],
    shares: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Adds to each row of `out` [n, inputs] the `shares` [trees, leaves, levels] of the inputs that the levels ask about."""
    bins, leaves = np.empty((x.shape[1], BLOCK), np.uint8), np.empty(BLOCK, np.uint8)
    for first in range(0, x.shape[0], BLOCK):
        count = min(BLOCK, x.shape[0] - first)
        bin_rows(x, first, count, borders, starts, missing_is_greatest, bins)
        for tree in range(split_input.shape[0]):
            leaves_of_tree(bins, count, split_input[tree], split_bin[tree], leaves)
            for row in range(count):
                for level in range(split_input.shape[1]):
                    out[first + row, split_input[tree, level]] += shares[tree, leaves[row], level]
