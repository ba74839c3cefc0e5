"""Rows of numbers as the kernels take them."""

import numpy as np
from numpy.typing import NDArray


def as_matrix(x: NDArray[np.float64], inputs: int) -> NDArray[np.float64]:
    """`x` [n, inputs] as float64 in C order; not copied where it is that already.

    Raises:
        ValueError: another number of columns.
    """
    matrix = np.ascontiguousarray(x, np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != inputs:
        raise ValueError(f"expected rows of {inputs} inputs, got an array of shape {matrix.shape}")
    return matrix
