"""How many of the events that a model decided turned out positive, by the score that they were served with."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.learner import Arrays
from detectors.scores.calibration import BINS, Calibration, bins_of, fit_calibration
from pipeline.engine.learners.lessons import Lessons, joined, negatives
from pipeline.engine.learners.vectors import WAITING, Vectors

HELD_MAX = 1_000_000
"""The maximum number of events that are held for labels to come."""

EARLY_MAX = 10_000
"""The maximum number of labels that wait for their events; beyond it the oldest are forgotten."""

COUNTED_MAX = 1_000_000.0
"""When so many events are counted, all counts are halved, so that probabilities follow the stream."""

_SCORE, _BLOCKED, _WEIGHT = range(3)
"""What is held of an event: its score, whether it was blocked, and the weight that it was last counted with."""


class OutcomeCounts:
    """Counts each event once, by the label of it that stands, with that label's weight.

    An event without a label counts as negative from `negative_after_ms` on, unless it was blocked: nobody would have reported it, so that
    its silence says nothing.

    Args:
        negative_after_ms: from the event's time on, an event without a label counts as negative.
    """

    def __init__(self, negative_after_ms: int) -> None:
        self._negative_after_ms = negative_after_ms
        self._counts = np.zeros((2, BINS))
        self._held = Vectors(3)
        self._next = 0
        self._told: list[Lessons] = []
        self._early: dict[int, Lessons] = {}

    def see(self, keys: NDArray[np.int64], times_ms: NDArray[np.int64], scores: NDArray[np.float64], blocked: NDArray[np.bool_]) -> None:
        """Takes in events whose decision had this model's score, each once.

        Args:
            keys: [n] by which labels name the events.
            times_ms: [n] in ms since the epoch, in any order.
            scores: [n] as served, on the stable scale.
            blocked: [n] whether the event was blocked.
        """
        self._held.add(keys, times_ms, np.column_stack([scores, blocked, np.zeros(len(keys))]))
        if self._early:
            self._told += [self._early.pop(key) for key in keys.tolist() if key in self._early]

    def tell(self, lessons: Lessons) -> None:
        """Takes in labels, each in force at its time; one of an event that is not held waits for it for a while."""
        self._told.append(lessons)

    def advance(self, time_ms: int, count: bool = True) -> None:
        """Counts what is known at `time_ms`, in ms since the epoch; without `count` it was counted before a restart."""
        told = joined(self._told)
        due = int(np.searchsorted(told.times_ms, time_ms, side="right"))
        self._told = [told.part(slice(due, None))]
        highest = told.part(slice(0, due))
        highest = highest.part(np.argsort(highest.standings, kind="stable"))
        highest = highest.part(np.fromiter(dict(zip(highest.keys.tolist(), range(due), strict=True)).values(), np.int64))
        rows = self._held.rows_of(highest.keys)
        self._keep_early(highest, np.flatnonzero(rows < 0))
        self._count(replace(highest, keys=rows).part(rows >= 0), count)
        silent, self._next = self._held.waiting_until(time_ms - self._negative_after_ms, self._next)
        silent = silent[self._held.of(silent)[:, _BLOCKED] == 0.0]
        self._count(negatives(silent, self._held.times_of(silent)), count)
        self._held.drop(time_ms - 2 * self._negative_after_ms, HELD_MAX)
        if self._counts.sum() > COUNTED_MAX:
            self._counts /= 2.0

    def _keep_early(self, lessons: Lessons, places: NDArray[np.int64]) -> None:
        """Keeps labels whose decision has not come yet, or was not this model's: the two come from different topics."""
        for place in places.tolist():
            label = lessons.part(slice(place, place + 1))
            before = self._early.pop(int(label.keys[0]), label)
            self._early[int(label.keys[0])] = label if label.standings[0] >= before.standings[0] else before
        for key in list(self._early)[: max(len(self._early) - EARLY_MAX, 0)]:
            del self._early[key]

    def fit(self) -> Calibration | None:
        """Fits the probabilities as of the last `advance`; None while there are too few labels."""
        return fit_calibration(self._counts[0], self._counts[1])

    def state(self) -> Arrays:
        """Returns what `resume` takes; the events that wait for labels are not in it."""
        return {"counts": self._counts.copy()}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`; one of other bins begins anew."""
        if "counts" in state and state["counts"].shape == self._counts.shape:
            self._counts = np.array(state["counts"], np.float64)

    def _count(self, lessons: Lessons, count: bool) -> None:
        """Counts events by rows of those held, but for labels below the one that each was last counted by."""
        waits = self._held.taught_of(lessons.keys) == WAITING
        lessons = lessons.part(waits | (lessons.standings > self._held.standings_of(lessons.keys)))
        if not len(lessons.keys):
            return
        held, before = self._held.of(lessons.keys), self._held.taught_of(lessons.keys)
        bins, known = bins_of(held[:, _SCORE]), before != WAITING
        self._held.teach(lessons.keys, lessons.labels, lessons.standings)
        self._held.put(lessons.keys, _WEIGHT, lessons.weights)
        if count:
            np.subtract.at(self._counts, (before[known].astype(np.int64), bins[known]), held[known, _WEIGHT])
            np.add.at(self._counts, (lessons.labels.astype(np.int64), bins), lessons.weights)
            np.maximum(self._counts, 0.0, out=self._counts)  # a count that was halved since has lost a part of its event
