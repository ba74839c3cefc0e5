"""Learns beside the decision's path what cohorts know of a threshold, from what was served."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import Snapshot
from patterns.thresholds.tail_learner import TailLearner
from patterns.thresholds.threshold import COHORT, SEEN, VALUE, Threshold, keys_of
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.learners.lessons import Lessons

KIND = "thresholds.TailTable"
"""What its snapshots say they are."""


class ThresholdLearner:
    """Learns the tail of one threshold. A new table is made when snapshots are due and enough new events were seen.

    Args:
        model: the threshold; it has a name, a definition and a cadence as models have.
    """

    numbers: None = None
    usual: None = None

    def __init__(self, model: Threshold) -> None:
        self.model = model
        self._tail = TailLearner(model.rate, model.bounds)
        self._made_ms = -1

    def inputs_of(self, verdicts: Verdicts) -> NDArray[np.float64]:
        """Returns what `see` takes of a batch of verdicts."""
        return verdicts.thresholds[self.model.name]

    def see(self, id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Learns from events that were decided, in their order.

        Args:
            vectors: [n, LOOKED] what was known and asked, see `patterns.thresholds.threshold`.
        """
        if len(vectors):
            cohorts = keys_of(np.ascontiguousarray(vectors[:, COHORT]))
            self._tail.see(cohorts, np.ascontiguousarray(vectors[:, VALUE]), np.ascontiguousarray(vectors[:, :SEEN]))

    def held(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these events it holds a vector of: none."""
        return np.zeros(len(keys), np.bool_)

    def tell(self, lessons: Lessons, vectors: NDArray[np.float64] | None = None) -> None:
        """Labels teach it nothing: the rate is that of all events, and what was alerted is compared with it."""

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Makes a new table if one is due; without `teach` it was made before a restart."""
        if teach and self._tail.is_due and self._tail.fit() is not None:
            self._made_ms = time_ms

    def change(self, model: Threshold) -> None:
        """Goes on with another rate, floor or cap: what was counted stays, and the next table is made for them."""
        self.model = model
        self._tail.rate, self._tail.bounds = model.rate, model.bounds

    def state(self, counted: bool = True) -> dict[str, NDArray[Any]]:
        """Returns what `resume` takes; `counted`: see `TailLearner.state`."""
        return {**self._tail.state(counted), "made": np.array([self._made_ms])}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._made_ms = int(state["made"][0])
        self._tail.resume(state)

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """Returns the table if it was made at `time_ms`; the one before stays in force otherwise."""
        if self._made_ms != time_ms:
            return None
        return Snapshot(self.model.name, self.model.definition, sequence, time_ms, self._tail.table.arrays(), KIND)
