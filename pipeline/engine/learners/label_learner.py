"""A model that learns from labels, each at its own time, and from what stays without one."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Learner, learner_of
from detectors.missing import are_mostly_missing
from detectors.snapshot import Snapshot
from patterns.hold_out import weights_of
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.learners.label_bounds import LabelBounds
from pipeline.engine.learners.learned_models import own_state, sampled, snapshot_of
from pipeline.engine.learners.lessons import Lessons, joined, negatives
from pipeline.engine.learners.two_numbers import TwoNumbers
from pipeline.engine.learners.usual_values import UsualValues
from pipeline.engine.learners.vectors import SET_ASIDE, WAITING, Vectors

VECTORS_MAX = 1_000_000
"""Vectors that a model holds for labels to come."""


class LabelLearner:
    """A model that learns from labels, each at its own time; what stays unlabelled is taught once as negative.

    Vectors are held from their event to `negative_after`, and as long again so that a late positive can still correct
    the negative. The silence after a blocked event says nothing, and that after one that others call positive is not taught either. What
    passed by a draw teaches for all that were blocked, see `weigh`.

    Args:
        model: its definition.
        negative_after_ms: from the event's time on, an event without a label counts as negative.
        vectors_max: vectors held; beyond it the oldest is forgotten, and its label teaches nothing.
        numbers: what puts its scores on the stable scale; None where they stay as they are.
        learner: what learns; None: the detector that the model names.
    """

    def __init__(
        self,
        model: Model,
        negative_after_ms: int,
        vectors_max: int = VECTORS_MAX,
        numbers: TwoNumbers | None = None,
        learner: Learner | None = None,
    ) -> None:
        self.model = model
        self.numbers = numbers
        self.usual = UsualValues(len(model.inputs))
        self.learner: Learner = learner_of(model.model)(len(model.inputs), **model.parameters) if learner is None else learner
        self._negative_after_ms = negative_after_ms
        self._vectors_max = vectors_max
        self._bounds = LabelBounds(model.labels)
        self._vectors = Vectors(len(model.inputs) + 1)  # the last number is the probability of `weigh`
        self._next = 0
        self._told: list[Lessons] = []
        self._positives = 0
        self._negatives = 0

    def inputs_of(self, verdicts: Verdicts) -> NDArray[np.float64]:
        """Returns what `see` takes of a batch of verdicts."""
        return verdicts.inputs[self.model.name]

    def see(self, id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Keeps the vectors of events that were scored for their labels to come, but for those whose inputs are mostly missing."""
        taken = sampled(id_keys, self.model.sample) & ~are_mostly_missing(vectors)
        self._hold(keys[taken], times_ms[taken], vectors[taken])

    def weigh(self, keys: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
        """Says of events that were seen with what probability their outcome can be known: 1, 0 where they were blocked, and the policy's
        share where they passed by a draw, see `patterns.hold_out`."""
        rows = self._vectors.rows_of(keys)
        self._vectors.put(rows[rows >= 0], -1, shares[rows >= 0])

    def _hold(self, keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        self._vectors.add(keys, times_ms, np.column_stack((vectors, np.ones(len(vectors)))))

    def _shares(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._vectors.of(rows)[:, -1]

    def held(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these events it holds a vector of."""
        return self._vectors.rows_of(keys) >= 0

    def tell(self, lessons: Lessons, vectors: NDArray[np.float64] | None = None) -> None:
        """Labels, each in force at its time; `vectors` [n, inputs] in case the events are no longer held."""
        if vectors is not None:
            lost = (self._vectors.rows_of(lessons.keys) < 0) & ~are_mostly_missing(vectors)
            self._hold(lessons.keys[lost], lessons.times_ms[lost] - self._negative_after_ms, vectors[lost])
        self._told.append(lessons)

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Teaches all labels in force at `time_ms` and the negatives that are due, each once, in order of time.

        Without `teach` they only stop waiting: they were taught before a restart.
        """
        lessons = [part for group in self._due_labels(time_ms) for part in self._lessons_of(group)]
        rows, self._next = self._vectors.waiting_until(time_ms - self._negative_after_ms, self._next)
        self._vectors.teach(rows, SET_ASIDE)
        rows = rows[self._shares(rows) > 0.0]
        self._vectors.teach(rows, 0)
        lessons.append(negatives(rows, self._vectors.times_of(rows) + self._negative_after_ms))
        if teach:
            self._teach(joined(lessons))
        self._vectors.drop(time_ms - 2 * self._negative_after_ms, self._vectors_max)

    def _teach(self, lessons: Lessons) -> None:
        """Teaches rows in their order, each by its weight."""
        held = self._vectors.of(lessons.keys)
        weights = self._bounds.weights_of(lessons) * weights_of(held[:, -1])
        taught = weights > 0.0
        if not np.count_nonzero(taught):
            return
        labels = lessons.labels[taught].astype(np.float64)
        self.learner.learn_many(held[taught, :-1], labels, weights[taught])
        self._positives += int(labels.sum())
        self._negatives += len(labels) - int(labels.sum())

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on learning, but for the vectors that wait."""
        return {**self.learner.state(), **self._bounds.state(), "lessons": np.array([self._positives, self._negatives])}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._positives, self._negatives = state["lessons"].tolist()
        self._bounds.resume(state)
        self.learner.restore(own_state(state))

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """What scores from now on; none before both classes were seen."""
        return snapshot_of(self, sequence, time_ms) if self._positives and self._negatives else None

    def _due_labels(self, time_ms: int) -> list[Lessons]:
        """The labels in force at `time_ms`, in groups in which no event has two."""
        told = joined(self._told)
        due = int(np.searchsorted(told.times_ms, time_ms, side="right"))
        self._told = [told.part(slice(due, None))]
        now = told.part(slice(0, due))
        if len(np.unique(now.keys)) == due:
            return [now]
        return [now.part(slice(position, position + 1)) for position in range(due)]

    def _lessons_of(self, told: Lessons) -> list[Lessons]:
        """What labels teach: those that stand above what was taught of their event, where they differ from it.

        An event whose time to count as negative came before its label was taught as negative then.
        """
        rows = self._vectors.rows_of(told.keys)
        known = rows >= 0
        own = replace(told.part(known), keys=rows[known])
        own = self._of_own_sources(own)
        own = own.part(own.standings > self._vectors.standings_of(own.keys))
        negative_ms = self._vectors.times_of(own.keys) + self._negative_after_ms
        taught = self._vectors.taught_of(own.keys)
        before = (taught == WAITING) & (own.times_ms > negative_ms) & (self._shares(own.keys) > 0.0)
        differs = np.where(before, 0, taught) != own.labels
        self._vectors.teach(own.keys, own.labels, own.standings)
        return [negatives(own.keys[before], negative_ms[before]), own.part(differs)]

    def _of_own_sources(self, told: Lessons) -> Lessons:
        """The labels that teach this model. An event that another source calls positive is not taught as negative by its silence."""
        teaches = self._bounds.teaches(told)
        in_time = told.times_ms <= self._vectors.times_of(told.keys) + self._negative_after_ms
        others = told.keys[~teaches & in_time & (told.labels == 1)]
        self._vectors.teach(others[self._vectors.taught_of(others) == WAITING], SET_ASIDE)
        return told.part(teaches)
