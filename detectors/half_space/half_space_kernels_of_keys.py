"""Kernels: Half-Space Trees whose masses are a key's own, in cells that the caller owns.

The cells of a key are the number of its rows, the figures of the scaling of each input, and then four masses a cell: those of the window
being filled, tree after tree in heap order, and those of the last full one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.input_scaling import WIDTH, scale_value
from detectors.keyed.keyed_loop import fetch_ahead
from detectors.missing import is_mostly_missing
from foundation.compiled import borrowed, held

FIRST: Final = 1
"""The number of cells before the figures."""


@compiled("int64(float64[::1], int32[::1], float64[::1], uint16[:], int64, int64, int64)")
def _child(
    scaled: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    masses: NDArray[np.uint16],
    filling: int,
    full: int,
    node: int,
) -> int:
    """Returns the child of `node` that a row falls into; a missing input follows the heavier one of both windows together."""
    value, left = scaled[feature[node]], 2 * node + 1
    if not np.isnan(value):
        return left + int(value >= threshold[node])
    mass_left = int(masses[filling + left]) + int(masses[full + left])
    mass_right = int(masses[filling + left + 1]) + int(masses[full + left + 1])
    return left + int(mass_left < mass_right)


@compiled("float64(float64[::1], int32[::1], float64[::1], uint16[:], int64, int64, float64, float64[:], float64[:])")
def _walk(
    scaled: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    masses: NDArray[np.uint16],
    filling: int,
    full: int,
    levels: float,
    limits: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> float:
    """Returns the total of the walk of a row down one tree, and adds to `shares` what each split took off or added to the score.

    A split's share is that of `detectors.half_space.half_space_kernels.add_contributions`.
    """
    branches = len(feature)
    node, here = 0, float(masses[full])
    total, weight, goes_on = here, 1.0, 1.0
    while node < branches:  # to the end, since a walk that stops somewhere is guessed wrong by the processor
        goes_on = goes_on if here >= limits[0] * weight else 0.0
        split = feature[node]
        node = _child(scaled, feature, threshold, masses, filling, full, node)
        weight *= 2.0
        there = masses[full + node] * weight
        total += goes_on * there
        if len(shares):
            share = (there - here) * levels - (there * (levels - 1.0) if there < limits[0] * weight else 0.0)
            shares[split] -= goes_on * share / limits[1]
        levels -= 1.0
        here = there
    return total


@compiled("void(float64[::1], int32[:, ::1], float64[:, ::1], uint16[:], int64)")
def _count(
    scaled: NDArray[np.float64], feature: NDArray[np.int32], threshold: NDArray[np.float64], masses: NDArray[np.uint16], half: int
) -> None:
    trees, branches = feature.shape
    for tree in range(trees):
        filling = tree * (2 * branches + 1)
        node = 0
        masses[filling] += 1
        while node < branches:
            node = _child(scaled, feature[tree], threshold[tree], masses, filling, half + filling, node)
            masses[filling + node] += 1


@compiled("void(float64[:], float64[:], int64, boolean, float64[::1])")
def _scale(x: NDArray[np.float64], cells: NDArray[np.float64], scaling: int, learns: bool, out: NDArray[np.float64]) -> None:
    for column in range(len(x)):
        first = FIRST + WIDTH * column
        if scaling == 1 and cells[0] == 0.0 and learns:  # of a new key, whose smallest and largest are of no value yet
            cells[first], cells[first + 1] = np.inf, -np.inf
        out[column] = scale_value(scaling, learns, cells[first : first + WIDTH], x[column])


@compiled(
    "void(float64[:, :], uint16[:, :], int64[:], float64[:, :], int32[:, ::1], float64[:, ::1], int64[::1], float64[::1], float64[:, :])"
)
def score_learn(
    state: NDArray[np.float64],
    masses: NDArray[np.uint16],
    slots: NDArray[np.int64],
    x: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    sizes: NDArray[np.int64],
    limits: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Scores each row by the last full window of its key, then counts it into the one being filled.

    Args:
        state: [rows, cells] of keys.
        masses: the same memory as numbers of 16 bits.
        slots: [n] row in `state` of each row's key.
        x: [n, inputs].
        feature: [trees, branches] input of each split.
        threshold: [trees, branches] of each split.
        sizes: rows of a window, rows before a key is scored, index in `SCALINGS`.
        limits: mass below which a walk stops, and the greatest total of all trees.
        out: [n, 1] scores, or [n, 1 + inputs] scores and shares, written; NaN where most of a row is missing.
    """
    trees, branches = feature.shape
    inputs = x.shape[1]
    first, half = 4 * (FIRST + WIDTH * inputs), trees * (2 * branches + 1)
    levels, scaled = np.log2(branches + 1.0), np.empty(inputs)
    # Slices of arrays whose references are counted cost more than a walk.
    values, splits, thresholds, bounds = borrowed(scaled), borrowed(feature), borrowed(threshold), borrowed(limits)
    keys, masses_of, rows, said = borrowed(state), borrowed(masses), borrowed(x), borrowed(out)
    for position in range(len(slots)):
        fetch_ahead(keys, slots, position)
        row = rows[position]
        if is_mostly_missing(row):
            said[position] = np.nan
            continue
        cells, own = keys[slots[position]], masses_of[slots[position], first:]
        said[position] = 0.0
        if cells[0] >= sizes[1]:
            _scale(row, cells, sizes[2], False, values)
            total = 0.0
            for tree in range(trees):
                at = tree * (2 * branches + 1)
                total += _walk(values, splits[tree], thresholds[tree], own, at, half + at, levels, bounds, said[position, 1:])
            said[position, 0] = 1.0 - total / limits[1]
        _scale(row, cells, sizes[2], True, values)
        _count(values, splits, thresholds, own, half)
        cells[0] += 1.0
        if cells[0] % sizes[0] == 0.0:
            own[half : 2 * half] = own[:half]
            own[:half] = 0
    held(scaled)
