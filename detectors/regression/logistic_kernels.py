"""Kernels: the loops of logistic regression over standardised inputs."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.missing import is_present


@compiled("float64(float64[:, ::1], float64[:, ::1], float64[::1], float64, float64, int64, float64[::1])")
def _standardise(
    x: NDArray[np.float64],
    figures: NDArray[np.float64],
    weights: NDArray[np.float64],
    intercept: float,
    clip_input: float,
    row: int,
    out: NDArray[np.float64],
) -> float:
    """Standardises one row into `out` (0 where missing) and returns its log odds."""
    log_odds = intercept
    for column in range(x.shape[1]):
        value = x[row, column]
        out[column] = 0.0
        if is_present(value) and figures[column, 2] > 0.0:
            away = (value - figures[column, 1]) / np.sqrt(figures[column, 2])
            out[column] = min(max(away, -clip_input), clip_input)
        log_odds += weights[column] * out[column]
    return log_odds


@compiled("float64(float64, float64)")
def loss_gradient(label: float, log_odds: float) -> float:
    """Returns the gradient of the logarithmic loss; far from 0 it uses River's forms."""
    sign = 1.0 if label > 0.5 else -1.0
    margin = log_odds * sign
    if margin > 18.0:
        return -sign * float(np.exp(-margin))
    if margin < -18.0:
        return -sign
    return -sign / (float(np.exp(margin)) + 1.0)


@compiled("void(float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[::1], float64[::1])")
def learn_rows(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    counts: NDArray[np.float64],
    figures: NDArray[np.float64],
    weights: NDArray[np.float64],
    running: NDArray[np.float64],
    settings: NDArray[np.float64],
) -> None:
    """Updates the scaler's figures by each row, and then takes one step of gradient descent.

    Args:
        counts: [rows] weights of the labels: factors of the gradients.
        figures: [inputs, 3] count, mean and variance of each input, changed.
        weights: [inputs], changed.
        running: intercept and number of steps taken, changed.
        settings: learning rate, its power, l2, the intercept's learning rate, clip of the gradient, weight of positives,
            clip of standardised inputs.
    """
    learning_rate, power, l2, intercept_rate, clip, weight_positive, clip_input = settings
    standard = np.empty(x.shape[1])
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            value = x[row, column]
            if is_present(value):
                figures[column, 0] += 1.0
                difference = value - figures[column, 1]
                figures[column, 1] += difference / figures[column, 0]
                squared = difference * (value - figures[column, 1])
                figures[column, 2] += (squared - figures[column, 2]) / figures[column, 0]
        gradient = loss_gradient(y[row], _standardise(x, figures, weights, running[0], clip_input, row, standard))
        if y[row] > 0.5:
            gradient *= weight_positive
        gradient *= counts[row]
        gradient = min(max(gradient, -clip), clip)
        running[0] -= intercept_rate * gradient
        rate = learning_rate if power == 0.0 else learning_rate / (running[1] + 1.0) ** power
        for column in range(x.shape[1]):
            if is_present(x[row, column]):
                weights[column] -= rate * (standard[column] * gradient + l2 * weights[column])
        running[1] += 1.0


@compiled("void(float64[:, ::1], float64[:, ::1], float64[::1], float64, float64, float64[::1])")
def log_odds_of_rows(
    x: NDArray[np.float64],
    figures: NDArray[np.float64],
    weights: NDArray[np.float64],
    intercept: float,
    clip_input: float,
    out: NDArray[np.float64],
) -> None:
    """Writes the log odds of each row to `out`."""
    standard = np.empty(x.shape[1])
    for row in range(x.shape[0]):
        out[row] = _standardise(x, figures, weights, intercept, clip_input, row, standard)


@compiled("void(float64[:, ::1], float64[:, ::1], float64[::1], float64, float64[:, ::1])")
def shares_of_rows(
    x: NDArray[np.float64],
    figures: NDArray[np.float64],
    weights: NDArray[np.float64],
    clip_input: float,
    out: NDArray[np.float64],
) -> None:
    """Writes to `out` [rows, inputs] what each input adds to the log odds."""
    for row in range(x.shape[0]):
        _standardise(x, figures, weights, 0.0, clip_input, row, out[row])
        for column in range(x.shape[1]):
            out[row, column] *= weights[column]
