"""What is learned beside a detector with a state for each entity: its map and calibration, and what all entities do."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import POPULATIONS
from detectors.snapshot import Snapshot
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.learners.learned_models import own_state, sampled
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.two_numbers import TwoNumbers


class KeyedLearner:
    """A detector with a state for each entity: it learns where it scores, and only its numbers are learned beside.

    Args:
        model: its definition.
        numbers: what puts its scores on the stable scale.
    """

    usual: None = None

    def __init__(self, model: Model, numbers: TwoNumbers) -> None:
        self.model = model
        self.numbers: TwoNumbers | None = numbers

    def inputs_of(self, verdicts: Verdicts) -> NDArray[np.float64]:
        """Returns what `see` takes of a batch of verdicts."""
        return verdicts.inputs[self.model.name]

    def see(self, id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Events teach it nothing here."""

    def held(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these events it holds a vector of: none."""
        return np.zeros(len(keys), np.bool_)

    def tell(self, lessons: Lessons, vectors: NDArray[np.float64] | None = None) -> None:
        """Labels teach it nothing."""

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Time alone teaches it nothing."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on, but for its numbers: nothing."""
        return {}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """Its map and calibration; none before the first event."""
        arrays = self.numbers.arrays(None) if self.numbers is not None else {}
        return Snapshot(self.model.name, self.model.definition, sequence, time_ms, arrays, self.model.model) if arrays else None


class PopulationLearner(KeyedLearner):
    """A detector with a state for each entity that compares it with all: what all do is learned here.

    Args:
        model: its definition.
        numbers: what puts its scores on the stable scale; None where they stay as they are.
    """

    def __init__(self, model: Model, numbers: TwoNumbers | None) -> None:
        self.model = model
        self.numbers: TwoNumbers | None = numbers
        self._counts = POPULATIONS[model.model]()

    def see(self, id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Counts the values of events that were scored."""
        self._counts.learn(vectors[sampled(id_keys, self.model.sample), 0])

    def state(self) -> dict[str, NDArray[Any]]:
        """All counts."""
        return dict(self._counts.state())

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._counts.restore(own_state(state))

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """What all keys do, with the map and calibration; none before the first event."""
        arrays = self._counts.snapshot()
        if not arrays["total"][0]:
            return None
        if self.numbers is not None:
            arrays |= self.numbers.arrays(None)
        return Snapshot(self.model.name, self.model.definition, sequence, time_ms, arrays, self.model.model)
