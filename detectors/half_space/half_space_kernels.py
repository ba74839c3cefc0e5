"""Kernels: the loops of Half-Space Trees over flat arrays.

A tree of height h is a perfect binary tree in heap order: the children of node i are 2i + 1 (left) and 2i + 2 (right);
its 2**h - 1 branches come first, then its 2**h leaves. All rows pass one tree before the next, so
that its nodes stay in the first-level cache and the walks of neighbouring rows overlap.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.input_scaling import scale_rows


@compiled("void(int32[::1], float64, float64[::1])")
def path_values(r_mass: NDArray[np.int32], size_limit: float, out: NDArray[np.float64]) -> None:
    """Computes for one tree the total of the walk to each leaf, which stops where River's stops.

    Args:
        r_mass: [nodes] masses of the last full window.
        size_limit: mass below which a walk stops at a node.
        out: [leaves] totals, written.
    """
    leaves = out.shape[0]
    for leaf in range(leaves):
        node = leaves + leaf  # counted from 1, so that a shift climbs towards the root
        total = 0.0
        weight = 1.0
        climb = leaves
        while climb >= 1:
            mass = r_mass[node // climb - 1]
            total += mass * weight
            if mass < size_limit:
                break
            weight *= 2.0
            climb //= 2
        out[leaf] = total


@compiled("void(float64[:, ::1], int32[:, ::1], float64[:, ::1], uint8[:, ::1], int64, float64[:, ::1], float64[::1])")
def add_leaf_values(
    x: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    right_when_missing: NDArray[np.uint8],
    height: int,
    values: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Adds to each row of `out` the `values` [trees, leaves] of the leaves that the row falls into."""
    trees, branches = feature.shape
    for tree in range(trees):
        for row in range(x.shape[0]):
            node = 0
            for _ in range(height):
                value = x[row, feature[tree, node]]
                goes_right = right_when_missing[tree, node] if np.isnan(value) else int(value >= threshold[tree, node])
                node = 2 * node + 1 + goes_right
            out[row] += values[tree, node - branches]


@compiled(
    "void(float64[:, ::1], int64, float64[:, ::1], int32[:, ::1], float64[:, ::1], uint8[:, ::1], int64, float64[:, ::1], float64,"
    " float64[::1])"
)
def score_rows(
    x: NDArray[np.float64],
    scaling: int,
    figures: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    right_when_missing: NDArray[np.uint8],
    height: int,
    values: NDArray[np.float64],
    score_max: float,
    out: NDArray[np.float64],
) -> None:
    """Writes the scores [n] of rows that are not scaled yet: what the leaves lack of `score_max`, as a share of it."""
    scaled = np.empty_like(x)
    scale_rows(scaling, False, figures, x, scaled)
    out[:] = 0.0
    add_leaf_values(scaled, feature, threshold, right_when_missing, height, values, out)
    for row in range(len(out)):
        out[row] = 1.0 - out[row] / score_max


@compiled(
    "void(float64[:, ::1], int64, int64, int32[:, ::1], float64[:, ::1], "
    "int32[:, ::1], int32[:, ::1], int64, float64[:, ::1], float64[::1])"
)
def learn_rows(
    x: NDArray[np.float64],
    first: int,
    last: int,
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    l_mass: NDArray[np.int32],
    r_mass: NDArray[np.int32],
    height: int,
    values: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Counts the rows [first, last) into `l_mass`, and adds to `out` each row's total from before it was counted.

    Learning and scoring walk the same path. A missing input goes to the child that is heavier in both windows together,
    because the window being filled says little at first, and the input would then fall where no row falls.
    """
    trees, branches = feature.shape
    for tree in range(trees):
        for row in range(first, last):
            node = 0
            for _ in range(height):
                l_mass[tree, node] += 1
                value = x[row, feature[tree, node]]
                node = 2 * node + 1
                if np.isnan(value):
                    left, right = l_mass[tree, node] + r_mass[tree, node], l_mass[tree, node + 1] + r_mass[tree, node + 1]
                    node += left < right
                else:
                    node += value >= threshold[tree, (node - 1) >> 1]
            l_mass[tree, node] += 1
            out[row] += values[tree, node - branches]


@compiled(
    "void(float64[:, ::1], int64, float64[:, ::1], int32[:, ::1], float64[:, ::1], uint8[:, ::1], int64, int32[:, ::1], float64, float64,"
    " float64[:, ::1])"
)
def add_contributions(
    rows: NDArray[np.float64],
    scaling: int,
    figures: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    right_when_missing: NDArray[np.uint8],
    height: int,
    r_mass: NDArray[np.int32],
    size_limit: float,
    score_max: float,
    out: NDArray[np.float64],
) -> None:
    """Adds to `out` [rows, inputs] what each split added to or took off the score, along the path of each of `rows`, not scaled yet.

    At each node the expected score assumes that every split below halves the mass; a split's share is how far the child's
    mass differs from half. Where the walk stops early, the rest of the expectation goes to the split that led there.
    """
    x = np.empty_like(rows)
    scale_rows(scaling, False, figures, rows, x)
    trees = feature.shape[0]
    for tree in range(trees):
        for row in range(x.shape[0]):
            node = 0
            for depth in range(height):
                split = feature[tree, node]
                value = x[row, split]
                child = 2 * node + 1
                if np.isnan(value):
                    child += right_when_missing[tree, node]
                else:
                    child += value >= threshold[tree, node]
                levels = float(height - depth)
                here = r_mass[tree, node] * float(1 << depth)
                there = r_mass[tree, child] * float(2 << depth)
                share = (there - here) * levels
                stops = r_mass[tree, child] < size_limit
                if stops:
                    share -= there * (levels - 1.0)
                out[row, split] -= share / score_max
                if stops:
                    break
                node = child
