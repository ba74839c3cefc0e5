"""Gives arrays the form that kernels are compiled for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INT64, FLOAT64, UINT8 = np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.uint8)


def for_kernel(array: NDArray[Any], dtype: "np.dtype[Any]" = INT64) -> NDArray[Any]:
    """Returns `array` with `dtype`, one number after the other, and not read-only; it is copied only where it is not so already."""
    if array.dtype is dtype and array.flags.carray:  # nearly always true; np.require takes 2 µs to find out
        return array
    return np.require(array, dtype, ["C", "W"])
