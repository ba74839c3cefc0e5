"""Gives arrays the form that kernels are compiled for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INT64, FLOAT64, UINT8, BOOL = np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.uint8), np.dtype(np.bool_)


def for_kernel(array: NDArray[Any], dtype: "np.dtype[Any]" = INT64) -> NDArray[Any]:
    """Returns `array` with `dtype`, one number after the other, and not read-only; it is copied only where it is not so already."""
    if (array.dtype is dtype or array.dtype == dtype) and array.flags.carray:  # nearly always true; np.require takes 2 µs to find out
        return array  # arrays that come of kernels from the disk have an equal dtype that is another object
    return np.require(array, dtype, ["C", "W"])
