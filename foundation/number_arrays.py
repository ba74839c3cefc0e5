"""Types of arrays of numbers, in a module of their own so that a change of `batch` does not recompile kernels."""

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
Int8s = NDArray[np.int8]
