"""Types of arrays of numbers. They stand apart from `batch`, so that kernels are not compiled anew for a change of events or schemas."""

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
Int8s = NDArray[np.int8]
