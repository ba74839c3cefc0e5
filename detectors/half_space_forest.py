"""Grows the random trees of Half-Space Trees with River's own sequence of random numbers."""

import random

import numpy as np
from numpy.typing import NDArray

_PADDING = 0.15
"""The share of a range at either end within which no split falls, as in River."""


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
