"""Models of River as learners: they learn row by row outside the decision's path, and publish their state as bytes.

River scores a row before it learns it (https://riverml.xyz), and so do these. A row on which River raises is neither scored nor learned.
"""

import operator
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from detectors.missing import LARGEST
from detectors.river.allowed import ALLOWED
from detectors.river.building import Steps, build, input_names
from detectors.river.scores import RAISED, as_row, score_of
from detectors.river.scoring import RiverScoring, version_cells
from detectors.river.state_reading import read_state
from detectors.river.state_writing import write_state
from detectors.scores.recent_scores import RecentScores

RECENT_SCORES: Final = 5_000
REPEATS_MAX: Final = 20
"""A row whose label weighs more is repeated so often, where the model takes no weights."""


class _RiverLearner:
    """What all of them share: a model of River, its state as arrays, and a state that is too large.

    A state beyond `detectors.river.state_nodes.BYTES_MAX` is neither published nor kept. Once `state` or `snapshot` finds it so, the model
    goes back to what it was when it last fitted, and learns no more: `full` says so.

    Args:
        inputs: number of inputs in a row, at least 1.
        steps: the pipeline, see `detectors.river.building.Steps`; it has been checked.

    Raises:
        ValueError: River does not take the parameters, or there is no input.
    """

    roles: ClassVar[tuple[str, ...]]

    def __init__(self, inputs: int, steps: Steps) -> None:
        last = ALLOWED[steps[-1][0]]
        if operator.index(inputs) < 1 or last.role not in self.roles:
            raise ValueError(f"expected inputs of at least 1 and a last step that is one of {self.roles}, got {inputs} and {last.role}")
        self.inputs = inputs
        self.cost_ns = 20_000.0 * len(steps)
        self.full = False
        self._names = input_names(inputs)
        self._last = last
        self._model: Any = build(steps)
        self._recent = RecentScores(RECENT_SCORES)
        self._counts = np.zeros(3)
        self._prime()
        self._kept = np.frombuffer(write_state(self._model), np.uint8)

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] in [0, 1] of the rows of `x` [n, inputs] by what is learned so far; changes nothing."""
        score = score_of(self._model, self._last.role, self._last.unit, self._names)
        return np.array([score(as_row(row, self._names)) for row in as_matrix(x, self.inputs)], np.float64)

    def snapshot(self) -> Arrays:
        """Returns the arrays that `RiverScoring` takes."""
        return {
            "river": version_cells(),
            "state": self._written(),
            "form": np.array([self.inputs, RiverScoring.ROLES.index(self._last.role), self._last.unit], np.int64),
            "since": self._counts[2:].copy(),
            "score_grid": self._recent.grid(),
        }

    def state(self) -> Arrays:
        """Returns the state of the model, recent scores, and counts."""
        return {
            "river": version_cells(),
            "state": self._written(),
            "counts": np.array([*self._counts, self._recent.seen, self.full], np.float64),
            "recent_scores": self._recent.ring.copy(),
        }

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: the state is of another version of River, of another model, or no state; nothing has changed then.
        """
        written = expect_array(state, "state", "|u1", (None,))
        counts = expect_array(state, "counts", "<f8", (len(self._counts) + 2,))
        ring = expect_array(state, "recent_scores", "<f8", self._recent.ring.shape)
        version_cells(expect_array(state, "river", "|u1", (None,)))
        model = read_state(written.tobytes())
        if _shape_of(model) != _shape_of(self._model):
            raise ValueError(f"array 'state': expected {_shape_of(self._model)}, got {_shape_of(model)}")
        self._model, self._recent.ring, self._kept = model, ring, written
        self._counts, self._recent.seen, self.full = counts[:-2].copy(), int(counts[-2]), bool(counts[-1])

    def _prime(self) -> None:
        """Shows the model a row with all inputs without teaching it: some draw numbers for each input that they first hear of, and must
        have done so before anybody scores."""
        if self._last.role != "drift":
            self.score_many(np.zeros((1, self.inputs)))

    def _written(self) -> NDArray[np.uint8]:
        if not self.full:
            try:
                self._kept = np.frombuffer(write_state(self._model), np.uint8)
            except ValueError:
                self.full = True
                self._model = read_state(self._kept.tobytes())
        return self._kept.copy()


class RiverAnomaly(_RiverLearner):
    """Scores how anomalous a row is; learns from every row without labels."""

    labelled: ClassVar[bool] = False
    roles: ClassVar[tuple[str, ...]] = ("anomaly", "anomaly_of_one")

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None = None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] in their order; ignores `y`."""
        rows = as_matrix(x, self.inputs)
        if self.full or not len(rows):
            return
        score = score_of(self._model, self._last.role, self._last.unit, self._names)
        scores = np.empty(len(rows))
        for place, values in enumerate(rows):
            row = as_row(values, self._names)
            scores[place] = score(row)
            try:
                if self._last.role == "anomaly_of_one":
                    self._model.learn_one({}, row[self._names[0]])
                else:
                    self._model.learn_one(row)
            except RAISED:
                continue
        self._recent.add(scores[~np.isnan(scores)])


class RiverClassifier(_RiverLearner):
    """Learns the probability of the label 1, one row after the other."""

    labelled: ClassVar[bool] = True
    roles: ClassVar[tuple[str, ...]] = ("classifier",)

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] with their labels `y` [n], 0 or 1, in order.

        Args:
            weights: [n] how often each row counts, above 0; None for 1 each. A fraction is carried to the next row of the same label, so
                that each label counts as much as it should in the sum; at most `REPEATS_MAX` times at once.

        Raises:
            ValueError: there is not one label a row.
        """
        rows = as_matrix(x, self.inputs)
        if y is None or np.shape(y) != (len(rows),):
            raise ValueError(f"expected {len(rows)} labels, got {None if y is None else np.shape(y)}")
        if self.full:
            return
        for place, values in enumerate(rows):
            label = bool(y[place] > 0.0)
            row = as_row(values, self._names)
            for _ in range(self._times(label, 1.0 if weights is None else float(weights[place]))):
                try:
                    self._model.learn_one(row, label)
                except RAISED:
                    break

    def _times(self, label: bool, weight: float) -> int:
        carried = self._counts[int(label)] + min(weight, float(REPEATS_MAX))
        times = int(carried)
        self._counts[int(label)] = carried - times
        return times


class RiverDrift(_RiverLearner):
    """Watches the first input, and scores all events alike: 1 when drift was just found, half of it 1,000 events later."""

    labelled: ClassVar[bool] = False
    roles: ClassVar[tuple[str, ...]] = ("drift",)

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None = None, weights: NDArray[np.float64] | None = None) -> None:
        """Learns the rows of `x` [n, inputs] in their order; ignores `y`."""
        for value in as_matrix(x, self.inputs)[:, 0].tolist():
            if self.full or not abs(value) <= LARGEST:
                continue
            try:
                self._model.update(value)
            except RAISED:
                continue
            # The number of events since the last drift, plus 1; 0 before the first one. ADWIN forgets its own count with its window.
            self._counts[2] = 1.0 if self._model.drift_detected else self._counts[2] + (self._counts[2] > 0.0)
            self._recent.add(np.array([RiverScoring.freshness(self._counts[2])]))

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n] times how fresh the last drift is."""
        return np.full(len(as_matrix(x, self.inputs)), RiverScoring.freshness(self._counts[2]))


def _shape_of(model: Any) -> Sequence[str]:
    """The classes of a pipeline's steps."""
    steps = getattr(model, "steps", None)
    parts = [model] if steps is None else [*steps.values()]
    return [type(part).__name__ for part in parts]
