"""The loops of Half-Space Trees over flat arrays.

A tree of height h is a perfect binary tree in heap order: the children of node i are 2i + 1 (left) and 2i + 2 (right);
its 2**h - 1 branches come first, then its 2**h leaves. Rows of one tree are worked through before the next tree, so
that its nodes stay in the innermost cache and the walks of neighbouring rows overlap.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled


@compiled("void(int32[::1], float64, float64[::1])")
def path_values(r_mass: NDArray[np.int32], size_limit: float, out: NDArray[np.float64]) -> None:
    """Of one tree: what a walk that ends in each leaf adds up to, stopping where River stops.

    Args:
        r_mass: [nodes] of the last full window.
        size_limit: a walk stops at the first node with less mass.
        out: [leaves], written.
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
    """Adds to each row of `out` the values [trees, leaves] of the leaves that the row falls into."""
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
    """Counts the rows [first, last) into `l_mass`, and adds to `out` what each row's walk was worth before it was counted.

    Learning and scoring walk the same path. A missing input goes to the child that is heavier in both windows together:
    the window being filled alone says nothing while it is young, and a missing input would then fall where nobody falls.
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


@compiled("void(float64[:, ::1], int32[:, ::1], float64[:, ::1], uint8[:, ::1], int64, int32[:, ::1], float64, float64, float64[:, ::1])")
def add_contributions(
    x: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    right_when_missing: NDArray[np.uint8],
    height: int,
    r_mass: NDArray[np.int32],
    size_limit: float,
    score_max: float,
    out: NDArray[np.float64],
) -> None:
    """Adds to `out` [rows, inputs] what each split took off or added to the score, along each row's path.

    At each node the score is foreseen as if every split below halved the mass; a split's share is how far the child's
    mass differs from that. Where the walk stops early, the rest that was foreseen goes to the split that led there.
    """
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
