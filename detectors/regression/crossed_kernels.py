"""Kernels: the loops of logistic regression over bins of inputs and crosses of bins.

All weights stand in one array: those of the bins of each input, input after input, and then `buckets` for each cross. An input has bin 0
where it is missing, and else one more than the number of its edges that do not lie above it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.keyed.category_counts import mixed
from detectors.missing import is_present
from detectors.regression.logistic_kernels import loss_gradient

MEMBERS_MAX: Final = 3
"""The most inputs of a cross."""


@compiled("int64(float64[:], float64)")
def bin_of(edges: NDArray[np.float64], value: float) -> int:
    """Returns the bin of a value: 0 where it is missing, 1 below the first of the ascending `edges`, and so on, each with its lower end."""
    if not is_present(value):
        return 0
    low, high = 0, len(edges)
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return 1 + low


@compiled("void(float64[:], float64[:, ::1], int32[:, ::1], int64, int64[::1])")
def _find_places(
    x: NDArray[np.float64], edges: NDArray[np.float64], members: NDArray[np.int32], buckets: int, places: NDArray[np.int64]
) -> None:
    """Writes where the weights of a row stand: of each input's bin, and of each cross.

    The bins of a cross are one number; it is hashed where there are more of these than buckets.
    """
    inputs, bins = len(x), edges.shape[1] + 2
    for column in range(inputs):
        places[column] = column * bins + bin_of(edges[column], x[column])
    for cross in range(len(members)):
        number, numbers = 0, 1
        for member in members[cross]:
            if member >= 0:
                number = number * bins + places[member] - member * bins
                numbers *= bins
        within = number if numbers <= buckets else mixed(number) & (buckets - 1)
        places[inputs + cross] = inputs * bins + cross * buckets + within


@compiled("float64(float64[::1], int64[::1])")
def _sum(weights: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    total = 0.0
    for place in places:
        total += weights[place]
    return total


@compiled(
    "void(float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], int32[:, ::1], int64, float64[::1], float64[::1], float64[::1])"
)
def learn_rows(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    counts: NDArray[np.float64],
    edges: NDArray[np.float64],
    members: NDArray[np.int32],
    buckets: int,
    weights: NDArray[np.float64],
    intercept: NDArray[np.float64],
    rates: NDArray[np.float64],
) -> None:
    """Takes a step of gradient descent for each row, in order.

    Args:
        counts: [rows] weights of the labels: factors of the gradients.
        weights: changed.
        intercept: [1], changed.
        rates: learning rate of the weights, and of the intercept.
    """
    places = np.empty(x.shape[1] + len(members), np.int64)
    for row in range(x.shape[0]):
        _find_places(x[row], edges, members, buckets, places)
        gradient = counts[row] * loss_gradient(y[row], intercept[0] + _sum(weights, places))
        intercept[0] -= rates[1] * gradient
        for place in places:
            weights[place] -= rates[0] * gradient


@compiled("void(float64[:, ::1], float64[:, ::1], int32[:, ::1], int64, float64[::1], float64, float64[::1])")
def log_odds_of_rows(
    x: NDArray[np.float64],
    edges: NDArray[np.float64],
    members: NDArray[np.int32],
    buckets: int,
    weights: NDArray[np.float64],
    intercept: float,
    out: NDArray[np.float64],
) -> None:
    """Writes the log odds of each row to `out` [rows]."""
    places = np.empty(x.shape[1] + len(members), np.int64)
    for row in range(x.shape[0]):
        _find_places(x[row], edges, members, buckets, places)
        out[row] = intercept + _sum(weights, places)


@compiled("void(float64[:, ::1], float64[:, ::1], int32[:, ::1], int64, float64[::1], float64[:, ::1])")
def shares_of_rows(
    x: NDArray[np.float64],
    edges: NDArray[np.float64],
    members: NDArray[np.int32],
    buckets: int,
    weights: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Writes to `out` [rows, inputs] what each input adds to the log odds: its own bin, and an equal share of each of its crosses."""
    inputs = x.shape[1]
    places = np.empty(inputs + len(members), np.int64)
    for row in range(x.shape[0]):
        _find_places(x[row], edges, members, buckets, places)
        for column in range(inputs):
            out[row, column] = weights[places[column]]
        for cross in range(len(members)):
            sharing = 0
            for member in members[cross]:
                sharing += member >= 0
            for member in members[cross]:
                if member >= 0:
                    out[row, member] += weights[places[inputs + cross]] / sharing
