"""Grows the random trees of Half-Space Trees with River's own sequence of random numbers, and says which there may be."""

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

_PADDING = 0.15
"""The share of a range at either end within which no split falls, as in River."""
_NODES_MAX: Final = 1 << 21


def check_sizes(inputs: int, n_trees: int, height: int, window_size: int) -> None:
    """Raises ValueError for a forest of sizes that it cannot have."""
    if inputs < 1 or n_trees < 1 or not 1 <= height <= 16 or not 1 <= window_size < 1 << 30:
        raise ValueError(
            "expected inputs, n_trees and window_size of at least 1 and height between 1 and 16, "
            f"got inputs {inputs}, n_trees {n_trees}, window_size {window_size}, height {height}"
        )
    if n_trees << (height + 1) > _NODES_MAX:
        raise ValueError(f"expected at most {_NODES_MAX} nodes in all trees, got {n_trees << (height + 1)}")


def box_of(limits: list[tuple[float, float]] | None, inputs: int) -> list[tuple[float, float]]:
    """Returns (low, high) of each input, [0, 1] where `limits` are not given; raises ValueError if they are no box."""
    box = [(0.0, 1.0)] * inputs if limits is None else [(float(low), float(high)) for low, high in limits]
    if len(box) != inputs or any(not low < high for low, high in box):
        raise ValueError(f"limits: expected {inputs} pairs of low < high, got {limits}")
    return box


def grow_forest(limits: list[tuple[float, float]], n_trees: int, height: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Returns split inputs and thresholds [n_trees, 2**height - 1] of trees over the box `limits`, in heap order."""
    generator = random.Random(seed)  # noqa: S311  # River's sequence, no secret
    feature = np.zeros((n_trees, 2**height - 1), np.int32)
    threshold = np.zeros((n_trees, 2**height - 1))
    for tree in range(n_trees):
        _grow(list(limits), 0, height, generator, feature[tree], threshold[tree])
    return feature, threshold


def _grow(
    limits: list[tuple[float, float]],
    node: int,
    height: int,
    generator: random.Random,
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
) -> None:
    if height == 0:
        return
    split = generator.choices(range(len(limits)), weights=[high - low for low, high in limits])[0]
    low, high = limits[split]
    padding = _PADDING * (high - low)
    at = generator.uniform(low + padding, high - padding)
    feature[node] = split
    threshold[node] = at
    for child, side in ((2 * node + 1, (low, at)), (2 * node + 2, (at, high))):
        limits[split] = side
        _grow(limits, child, height - 1, generator, feature, threshold)
    limits[split] = (low, high)
