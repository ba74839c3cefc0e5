"""Turns log odds into probabilities."""

import numpy as np
from numpy.typing import NDArray


def probability_of(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the probability [n] of each of the log odds [n], in (0, 1); log odds beyond 700 count as 700, of either sign."""
    probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0)))
    return probability
