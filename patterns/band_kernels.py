"""Finds the band that a score falls into."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled


@compiled("void(float64[:], float64[:], uint8[:], uint8, uint8[:])")
def find_actions(
    scores: NDArray[np.float64], bounds: NDArray[np.float64], actions: NDArray[np.uint8], fallback: int, out: NDArray[np.uint8]
) -> None:
    """Writes the action [n] of each score: that of the band whose bounds, the lower one inclusive, hold it; of NaN, `fallback`."""
    for i in range(len(scores)):
        out[i] = fallback if np.isnan(scores[i]) else actions[np.searchsorted(bounds, scores[i], side="right")]


@compiled("int64(float64[:], int8[:], float64[:], int8, boolean[:])")
def take_first(
    scores: NDArray[np.float64], chosen: NDArray[np.int8], offered: NDArray[np.float64], position: int, taken: NDArray[np.bool_]
) -> int:
    """Gives each event without a score (NaN) the one that a model offers, if it does. Returns how many got one.

    Args:
        scores, chosen: [n] written: the score, and the model that gave it.
        offered: [n] scores of the model.
        position: of the model.
        taken: [n] written: which events got this model's score.
    """
    count = 0
    for i in range(len(scores)):
        taken[i] = np.isnan(scores[i]) and not np.isnan(offered[i])
        if taken[i]:
            scores[i], chosen[i] = offered[i], position
            count += 1
    return count
