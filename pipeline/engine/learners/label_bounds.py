"""What one source of labels can teach a model is bounded, so that a source that lies does little."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.schema.label_sources import ABOVE_MAX, BELOW_MAX
from features.windows.row_label import standings
from pipeline.engine.definitions.model_labels import RANKS, ModelLabels
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.vectors import UNLABELLED

BURST: Final = 1_000.0
"""A source may teach at once what its share of so many lessons allows; so much is there at the beginning too."""
LEAST: Final = 1e-6
"""Less than this is the rounding of sums, and no lesson."""


_LEAST_OF_RANKS: Final = standings(np.zeros(RANKS, np.int8), np.zeros(RANKS, np.int64), np.arange(-BELOW_MAX, ABOVE_MAX + 1, dtype=np.int8))
"""The least standing that a label of each rank can have, from the lowest rank on."""


class LabelBounds:
    """Weighs lessons by their source, and holds back what a source would teach beyond its share.

    Each lesson, whoever gives it, lets every source teach `share` of its weight; what a source does not use it may use later, up to
    that of `BURST` lessons. A lesson beyond it counts less, or not at all.

    Args:
        labels: of the model.
    """

    def __init__(self, labels: ModelLabels) -> None:
        self._labels = labels
        self._factors = np.array(labels.factors)
        self._allowed = np.full(RANKS, labels.share * BURST)

    def teaches(self, lessons: Lessons) -> NDArray[np.bool_]:
        """Tells [n] which labels come from a source that teaches the model."""
        taught: NDArray[np.bool_] = self._factors[_ranks_of(lessons)] > 0.0
        return taught

    def weights_of(self, lessons: Lessons) -> NDArray[np.float64]:
        """Returns [n] by how much lessons count, in order of time; 0 for those that a source would teach beyond its share."""
        labelled = lessons.standings != UNLABELLED
        ranks = _ranks_of(lessons)
        weights = np.where(labelled, np.minimum(lessons.weights * self._factors[ranks], self._labels.step), lessons.weights)
        if self._labels.share < 1.0:
            self._hold_back(weights, ranks, np.flatnonzero(labelled))
        return weights

    def _hold_back(self, weights: NDArray[np.float64], ranks: NDArray[np.int64], places: NDArray[np.int64]) -> None:
        most = self._labels.share * BURST
        last = 0
        for place in places.tolist():
            self._allowed = np.minimum(self._allowed + self._labels.share * weights[last:place].sum(), most)
            left = float(self._allowed[ranks[place]])
            allowed = min(float(weights[place]), left) if left > LEAST else 0.0
            self._allowed[ranks[place]] -= allowed
            weights[place] = allowed
            last = place
        self._allowed = np.minimum(self._allowed + self._labels.share * weights[last:].sum(), most)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns what each source may teach now; nothing where there is no bound."""
        return {"label_bounds": self._allowed.copy()} if self._labels.share < 1.0 else {}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        if "label_bounds" in state and state["label_bounds"].shape == self._allowed.shape:
            self._allowed = np.array(state["label_bounds"], np.float64)


def _ranks_of(lessons: Lessons) -> NDArray[np.int64]:
    """Returns [n] the places of the sources' ranks among all ranks; that of one without a label means nothing."""
    return np.maximum(np.searchsorted(_LEAST_OF_RANKS, lessons.standings, side="right") - 1, 0)
