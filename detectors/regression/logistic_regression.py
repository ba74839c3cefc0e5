"""Logistic regression on running standardised inputs, by stochastic gradient descent.

In its plain configuration it equals River's `StandardScaler | LogisticRegression`, in arrays. Learning rates that fall with a power
of the steps are those of Robbins and Monro: A stochastic approximation method. Annals of Mathematical Statistics 22, 1951.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.labels import as_labels
from detectors.learner import Arrays
from detectors.log_odds import probability_of
from detectors.matrix import as_matrix
from detectors.regression.logistic_kernels import learn_rows, log_odds_of_rows, shares_of_rows
from detectors.snapshot_kind import Form


class LogisticRegression:
    """Learns the probability of the label 1, one step per labelled row; about 0.1 µs a row with 15 inputs.

    Mean and variance of each input are updated with the labelled rows. A missing input counts as its mean: it adds nothing
    to the score, and neither its figures nor its weight learn from the row.

    >>> import numpy as np
    >>> rows = np.random.default_rng(1).normal(size=(2000, 2))
    >>> model = LogisticRegression(2, learning_rate=0.1)
    >>> model.learn_many(rows, (rows[:, 0] > 0.5).astype(np.float64))
    >>> model.score_many(np.array([[0.0, 0.0], [0.5, 0.0], [2.0, 0.0]])).round(2).tolist()
    [0.15, 0.64, 1.0]

    Args:
        inputs: number of inputs in a row, at least 1.
        learning_rate: learning rate of the first step, above 0.
        learning_rate_power: step t (from 0) takes learning_rate / (t + 1)**power; from 0 (constant) to 1.
        l2: pull of the weights towards 0, at least 0.
        intercept_lr: learning rate of the intercept, at least 0; constant.
        clip_gradient: largest absolute gradient of the loss, above 0.
        clip_input: bound of standardised inputs in standard deviations, above 0, so that one absurd row cannot move the weights far.
        weight_positive: number of rows that a positive counts as, above 0; with others than 1, probabilities are not calibrated.

    Raises:
        ValueError: a parameter is outside its range.
    """

    labelled: ClassVar[bool] = True

    def __init__(
        self,
        inputs: int,
        learning_rate: float = 0.01,
        learning_rate_power: float = 0.0,
        l2: float = 0.0,
        intercept_lr: float = 0.01,
        clip_gradient: float = 1e12,
        weight_positive: float = 1.0,
        clip_input: float = 1e12,
    ) -> None:
        if inputs < 1 or not (learning_rate > 0 and 0 <= learning_rate_power <= 1 and l2 >= 0 and intercept_lr >= 0):
            raise ValueError(
                "expected inputs of at least 1, learning_rate above 0, learning_rate_power between 0 and 1, l2 and intercept_lr "
                f"of at least 0, got {inputs}, {learning_rate}, {learning_rate_power}, {l2}, {intercept_lr}"
            )
        if not (clip_gradient > 0 and weight_positive > 0 and clip_input > 0):
            clips = f"{clip_gradient}, {weight_positive}, {clip_input}"
            raise ValueError(f"expected clip_gradient, weight_positive and clip_input above 0, got {clips}")
        self.inputs = inputs
        self.cost_ns = 30.0 + 3.0 * inputs
        settings = (learning_rate, learning_rate_power, l2, intercept_lr, clip_gradient, weight_positive, clip_input)
        self._settings = np.array(settings, np.float64)
        self._figures = np.zeros((inputs, 3))
        self._weights = np.zeros(inputs)
        self._running = np.zeros(2)

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] with their labels `y` [n], 0 or 1, in order.

        Args:
            weights: [n] factors of the gradients of the loss, above 0; None for 1 each. They weigh nothing else: each row is one step, and
                one row for the figures of the inputs.

        Raises:
            ValueError: there is not one label and weight per row, a label is neither 0 nor 1, or a weight is not above 0 or not finite.
        """
        rows = as_matrix(x, self.inputs)
        labels, counts = as_labels(y, weights, len(rows))
        learn_rows(rows, labels, counts, self._figures, self._weights, self._running, self._settings)

    def learn_one(self, x: NDArray[np.float64], y: float) -> None:
        """Learns one row [inputs] with its label."""
        self.learn_many(np.reshape(x, (1, -1)), np.array([y], np.float64))

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability [n] of label 1 of each row of `x` by what is learned so far; changes nothing."""
        return LogisticScoring(self.snapshot()).score_many(x)

    def score_one(self, x: NDArray[np.float64]) -> float:
        """Returns the probability of label 1 of one row [inputs]."""
        return float(self.score_many(np.reshape(x, (1, -1)))[0])

    def snapshot(self) -> Arrays:
        """Returns the arrays that `LogisticScoring` takes."""
        return {
            "figures": self._figures.copy(),
            "weights": self._weights.copy(),
            "intercept": self._running[:1].copy(),
            "clip_input": self._settings[-1:].copy(),
        }

    def state(self) -> Arrays:
        """Returns figures of the scaler, weights, intercept and the number of steps."""
        return {"figures": self._figures.copy(), "weights": self._weights.copy(), "running": self._running.copy()}

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: the state is of a learner with another number of inputs; nothing has changed then.
        """
        figures = expect_array(state, "figures", "<f8", self._figures.shape)
        weights = expect_array(state, "weights", "<f8", self._weights.shape)
        running = expect_array(state, "running", "<f8", self._running.shape)
        self._figures, self._weights, self._running = figures, weights, running


ARRAYS: Final[Mapping[str, Form]] = {
    "weights": ("<f8", (None,)),
    "figures": ("<f8", (None, 3)),
    "intercept": ("<f8", (1,)),
    "clip_input": ("<f8", (1,)),
}
"""The arrays that `LogisticRegression.snapshot` publishes."""


class LogisticScoring:
    """Scores from a snapshot. Contributions are weight times standardised input; `base` is the intercept.

    Args:
        arrays: arrays of `LogisticRegression.snapshot`.

    Raises:
        ValueError: such a learner cannot have published these arrays.
    """

    scale: Literal["log_odds", "score"] = "log_odds"

    def __init__(self, arrays: Arrays) -> None:
        self._weights: NDArray[np.float64] = expect_array(arrays, "weights", "<f8", (None,))
        self.inputs = len(self._weights)
        self._figures = expect_array(arrays, "figures", "<f8", (self.inputs, 3))
        self.base = float(expect_array(arrays, "intercept", "<f8", (1,))[0])
        self._clip_input = float(expect_array(arrays, "clip_input", "<f8", (1,))[0])
        if not self.inputs or not all(bool(np.isfinite(array).all()) for array in (self._weights, self._figures, self.base)):
            raise ValueError("weights, figures and intercept: expected finite numbers for at least one input")

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability [n] of label 1 of each row of `x` [n, inputs]."""
        rows = as_matrix(x, self.inputs)
        log_odds = np.empty(len(rows))
        log_odds_of_rows(rows, self._figures, self._weights, self.base, self._clip_input, log_odds)
        return probability_of(log_odds)

    def probability_many(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores themselves, which are probabilities."""
        return raw

    def contributions_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, inputs] contributions, which with `base` add up to the log odds."""
        rows = as_matrix(x, self.inputs)
        shares = np.empty_like(rows)
        shares_of_rows(rows, self._figures, self._weights, self._clip_input, shares)
        return shares
