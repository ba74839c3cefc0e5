"""Brings rows of numbers into the form that the kernels take."""

import numpy as np
from numpy.typing import NDArray


def as_matrix(x: NDArray[np.float64], inputs: int) -> NDArray[np.float64]:
    """Returns `x` [n, inputs] as float64 in C order, not copied if it is that already.

    Raises:
        ValueError: `x` has another number of columns.
    """
    matrix = np.ascontiguousarray(x, np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != inputs:
        raise ValueError(f"expected rows of {inputs} inputs, got an array of shape {matrix.shape}")
    return matrix
