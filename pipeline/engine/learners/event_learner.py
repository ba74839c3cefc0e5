"""A model that learns from every event, without labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Learner, learner_of
from detectors.missing import are_mostly_missing
from detectors.snapshot import Snapshot
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.learners.learned_models import own_state, sampled, snapshot_of
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.two_numbers import TwoNumbers
from pipeline.engine.learners.usual_values import UsualValues


class EventLearner:
    """A model that learns from every event, without labels.

    Args:
        model: its definition.
        numbers: what puts its scores on the stable scale; None where they stay as they are.
    """

    def __init__(self, model: Model, numbers: TwoNumbers | None = None) -> None:
        self.model = model
        self.numbers = numbers
        self.usual = UsualValues(len(model.inputs))
        self.learner: Learner = learner_of(model.model)(len(model.inputs), **model.parameters)
        self._learned = 0

    def inputs_of(self, verdicts: Verdicts) -> NDArray[np.float64]:
        """Returns what `see` takes of a batch of verdicts."""
        return verdicts.inputs[self.model.name]

    def see(self, id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Learns from events that were scored, in their order, but for those whose inputs are mostly missing."""
        taken = sampled(id_keys, self.model.sample) & ~are_mostly_missing(vectors)
        self.learner.learn_many(vectors[taken], None)
        self._learned += int(taken.sum())

    def held(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these events it holds a vector of: none."""
        return np.zeros(len(keys), np.bool_)

    def tell(self, lessons: Lessons, vectors: NDArray[np.float64] | None = None) -> None:
        """Labels teach it nothing."""

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Time alone teaches it nothing."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on learning, but for its numbers."""
        return {**self.learner.state(), "lessons": np.array([self._learned])}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._learned = int(state["lessons"][0])
        self.learner.restore(own_state(state))

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """What scores from now on; none before anything was learned."""
        return snapshot_of(self, sequence, time_ms) if self._learned else None
