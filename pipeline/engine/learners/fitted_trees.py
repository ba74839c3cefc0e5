"""Labelled rows that wait for the next fit of boosted trees, and the trees of the last one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import score_from
from detectors.learner import Arrays
from detectors.matrix import as_matrix
from pipeline.engine.definitions.boosted_model import MODEL, Boosted
from pipeline.engine.definitions.model import Model

POSITIVES_MIN = 50
"""Of a fit: of fewer trees would learn by heart what one of them was."""
ROWS_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """What trees are fitted to, oldest first.

    Args:
        x: [n, inputs] numbers in single precision; NaN where missing.
        y: [n] 1 for fraud, else 0.
        weights: [n] by how much each row counts.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int8]
    weights: NDArray[np.float32]


Fit = Callable[[LabelledRows, Boosted], Arrays]
"""Fits trees to rows, and gives the arrays of `detectors.boosted.symmetric_trees.BoostedScoring`."""


class FittedTrees:
    """Collects labelled rows, and fits trees to all of them when it is asked to.

    A share of the negatives is kept, by the number of the row, and each counts as the inverse of the share. Beyond `ROWS_MAX` rows the
    oldest are forgotten. A row takes 4 bytes an input.

    Args:
        model: whose trees these are.
        fit: fits them.
    """

    labelled: ClassVar[bool] = True

    def __init__(self, model: Model, fit: Fit) -> None:
        assert model.boosted is not None
        self.inputs = len(model.inputs)
        self.cost_ns = model.cost_ns
        self._how = model.boosted
        self._fit = fit
        self._parts: list[LabelledRows] = []
        self._seen = 0
        self._arrays: Arrays = {}

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None = None) -> None:
        """Keeps the rows of `x` [n, inputs] with their labels `y` [n] for the next fit.

        Raises:
            ValueError: there is not one label a row.
        """
        rows = as_matrix(x, self.inputs)
        if y is None or np.shape(y) != (len(rows),):
            raise ValueError(f"expected {len(rows)} labels, got {None if y is None else np.shape(y)}")
        numbers = np.arange(self._seen, self._seen + len(rows), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self._seen += len(rows)
        kept = (y > 0.0) | ((numbers >> np.uint64(11)) < np.uint64(int(self._how.negatives * (1 << 53))))
        counts = np.where(y > 0.0, 1.0, 1.0 / self._how.negatives) * (1.0 if weights is None else weights)
        self._parts.append(LabelledRows(rows[kept].astype(np.float32), y[kept].astype(np.int8), counts[kept].astype(np.float32)))

    def rows(self) -> LabelledRows:
        """Returns all rows that the next fit would see."""
        if not self._parts:
            return LabelledRows(np.empty((0, self.inputs), np.float32), np.empty(0, np.int8), np.empty(0, np.float32))
        names = ("x", "y", "weights")
        joined = LabelledRows(*(np.concatenate([getattr(part, name) for part in self._parts])[-ROWS_MAX:] for name in names))
        self._parts = [joined]
        return joined

    def fit(self) -> bool:
        """Fits trees to all rows; returns false, and keeps those before, while fewer than `POSITIVES_MIN` are of fraud."""
        rows = self.rows()
        if int(rows.y.sum()) < POSITIVES_MIN or bool(rows.y.all()):
            return False
        self._arrays = self._fit(rows, self._how)
        return True

    def score_many(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probability [n] that the trees of the last fit give each row."""
        return score_from(MODEL, self._arrays).score_many(x)

    def snapshot(self) -> Arrays:
        """Returns copies of the arrays of the last fit."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def state(self) -> Arrays:
        """Returns nothing: rows are read again from where they are kept."""
        return {}

    def restore(self, state: Arrays) -> None:
        """There is nothing to go on from."""
