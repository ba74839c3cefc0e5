"""Boosted trees that are fitted anew at a cadence, to all labels that are known by then."""

import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import Snapshot
from pipeline.engine.definitions.model import Model
from pipeline.engine.learners.fitted_trees import Fit, FittedTrees
from pipeline.engine.learners.label_learner import LabelLearner
from pipeline.engine.learners.learned_models import snapshot_of
from pipeline.engine.learners.two_numbers import TwoNumbers


class RetrainedLearner(LabelLearner):
    """Boosted trees, which are fitted anew to all labels that are known, at multiples of the model's `retrain`.

    Args:
        model: its definition.
        negative_after_ms: from the event's time on, an event without a label counts as negative.
        fit: fits the trees.
        numbers: what puts its scores on the stable scale; None where they stay as they are.
    """

    def __init__(self, model: Model, negative_after_ms: int, fit: Fit, numbers: TwoNumbers | None = None) -> None:
        self.learner: FittedTrees = FittedTrees(model, fit)
        super().__init__(model, negative_after_ms, numbers=numbers, learner=self.learner)
        self._fitted = 0
        self._ripe_ms: int | None = None

    def see(self, id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Keeps vectors for their labels to come, but for those of the model's `warm_up`, whose windows were not whole."""
        if self._ripe_ms is None and len(times_ms):
            self._ripe_ms = int(times_ms[0]) + (0 if self.model.boosted is None else self.model.boosted.warm_up_ms)
        ripe = times_ms >= (self._ripe_ms or 0)
        super().see(id_keys[ripe], keys[ripe], times_ms[ripe], vectors[ripe])

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """The trees that were fitted at the last multiple of `retrain`; none in between, and before there are enough labels."""
        period = time_ms // self.model.publish_every_ms
        if period <= self._fitted:
            return None
        snapshot = self.fit(sequence, time_ms)
        self._fitted = period if snapshot is not None else self._fitted
        return snapshot

    def fit(self, sequence: int, time_ms: int) -> Snapshot | None:
        """Trees that are fitted now to all labels that were taught; None while there are not enough."""
        return snapshot_of(self, sequence, time_ms) if self.learner.fit() else None
