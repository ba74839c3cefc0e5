"""Labels as learners are told them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.learners.vectors import UNLABELLED


@dataclass(frozen=True, slots=True)
class Lessons:
    """Labels by event, or by row of the vectors: [n] each.

    Args:
        keys: which events they are about, see `pipeline.engine.event_keys`, or which rows.
        labels: 0 or 1.
        times_ms: when they come into force.
        standings: of two labels in force of one event the one with the greater number stands, see
            `features.windows.row_label.standings`; that of an event that counts as negative without a label is `UNLABELLED`.
        weights: by how much each teaches, where 1 is a usual label.
    """

    keys: NDArray[np.int64]
    labels: NDArray[np.int8]
    times_ms: NDArray[np.int64]
    standings: NDArray[np.int64]
    weights: NDArray[np.float64]

    def part(self, where: slice | NDArray[np.int64] | NDArray[np.bool_]) -> "Lessons":
        """Those at `where`."""
        return Lessons(self.keys[where], self.labels[where], self.times_ms[where], self.standings[where], self.weights[where])


def negatives(rows: NDArray[np.int64], times_ms: NDArray[np.int64]) -> Lessons:
    """What unlabelled events teach from `times_ms` on: that they are negative."""
    n = len(rows)
    return Lessons(rows, np.zeros(n, np.int8), times_ms, np.full(n, UNLABELLED), np.ones(n))


def joined(parts: list[Lessons]) -> Lessons:
    """All of `parts` in order of time; those of one time in the order given."""
    if not parts:
        return negatives(np.empty(0, np.int64), np.empty(0, np.int64))
    names = ("keys", "labels", "times_ms", "standings", "weights")
    every = Lessons(*[np.concatenate([getattr(part, name) for part in parts]) for name in names])
    return every.part(np.argsort(every.times_ms, kind="stable"))
