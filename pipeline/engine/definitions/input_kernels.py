"""Brings the inputs of a model together in one compiled call."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled


@compiled("void(float64[:, :], float64[:, :], boolean[::1], int64[::1], float64[::1], float64[:, ::1])")
def take_inputs(
    numbers: NDArray[np.float64],
    features: NDArray[np.float64],
    are_numbers: NDArray[np.bool_],
    columns: NDArray[np.int64],
    divisors: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Writes columns of `numbers` [n, …] or `features` [n, …], divided, into those of `out` [n, inputs].

    Args:
        are_numbers: of each column of `out` whether it is one of `numbers`.
        columns, divisors: where it stands there, and what it is divided by.
    """
    for row in range(len(out)):
        for at in range(len(columns)):
            value = numbers[row, columns[at]] if are_numbers[at] else features[row, columns[at]]
            out[row, at] = value / divisors[at]
