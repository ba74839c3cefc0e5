"""Brings labels and their weights into the form that the kernels take."""

import numpy as np
from numpy.typing import NDArray


def as_labels(
    y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None, rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns labels [rows], 0 or 1, and weights [rows], 1 for each where there are none, as float64 in C order.

    Raises:
        ValueError: there is not one label and weight per row, a label is neither 0 nor 1, or a weight is not above 0 or not finite.
    """
    if y is None or np.shape(y) != (rows,):
        raise ValueError(f"expected {rows} labels, got {None if y is None else np.shape(y)}")
    labels = np.ascontiguousarray(y, np.float64)
    if not bool(np.all((labels == 0.0) | (labels == 1.0))):
        raise ValueError("expected labels of 0 and 1, got others")
    counts = np.ones(rows) if weights is None else np.ascontiguousarray(weights, np.float64)
    if counts.shape != labels.shape or not bool(np.all((counts > 0.0) & np.isfinite(counts))):
        raise ValueError(f"expected {rows} finite weights above 0, got {counts.shape} with others")
    return labels, counts
