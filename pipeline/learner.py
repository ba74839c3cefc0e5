"""Learning beside the decision's path: what the global models have seen, and the snapshots they publish."""

import heapq
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import LEARNERS, Learner
from detectors.snapshot import Snapshot
from pipeline.models import Model
from pipeline.release import Release
from pipeline.vectors import WAITING, Vectors

VECTORS_MAX = 1_000_000
"""Vectors that a model holds for labels to come."""


class EventLearner:
    """A model that learns from every event, without labels.

    Args:
        model: its definition.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.learner: Learner = LEARNERS[model.model](len(model.inputs), **model.parameters)
        self._learned = 0

    def see(self, id_keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Learns from events that were scored, in their order."""
        taken = sampled(id_keys, self.model.sample)
        self.learner.learn_many(vectors[taken], None)
        self._learned += int(taken.sum())

    def tell(self, id_key: int, label: int, label_time_ms: int, vector: NDArray[np.float64] | None = None) -> None:
        """Labels teach it nothing."""

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Time alone teaches it nothing."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on learning."""
        return {**self.learner.state(), "lessons": np.array([self._learned])}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._learned = int(state["lessons"][0])
        self.learner.restore({name: array for name, array in state.items() if name != "lessons"})

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """What scores from now on; none before anything was learned."""
        return _snapshot(self.model, self.learner, sequence, time_ms) if self._learned else None


class LabelLearner:
    """A model that learns from labels, each at its own time; what stays unlabelled is taught once as negative.

    Vectors are held from their event to `negative_after`, and as long again so that a late positive can still correct
    the negative.

    Args:
        model: its definition.
        negative_after_ms: from the event's time on, an event without a label counts as negative.
        vectors_max: vectors held; beyond it the oldest is forgotten, and its label teaches nothing.
    """

    def __init__(self, model: Model, negative_after_ms: int, vectors_max: int = VECTORS_MAX) -> None:
        self.model = model
        self.learner: Learner = LEARNERS[model.model](len(model.inputs), **model.parameters)
        self._negative_after_ms = negative_after_ms
        self._vectors_max = vectors_max
        self._vectors = Vectors(len(model.inputs))
        self._next = 0
        self._labels: list[tuple[int, int, int]] = []
        self._positives = 0
        self._negatives = 0

    def see(self, id_keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Keeps the vectors of events that were scored for their labels to come."""
        taken = sampled(id_keys, self.model.sample)
        self._vectors.add(id_keys[taken], times_ms[taken], vectors[taken])

    def tell(self, id_key: int, label: int, label_time_ms: int, vector: NDArray[np.float64] | None = None) -> None:
        """A label, in force at `label_time_ms`; `vector` in case the event is no longer held."""
        if vector is not None and self._vectors.row_of(id_key) is None:
            self._vectors.add(np.array([id_key]), np.array([label_time_ms - self._negative_after_ms]), vector[None, :])
        heapq.heappush(self._labels, (label_time_ms, id_key, label))

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Teaches all labels in force at `time_ms` and the negatives that are due, each once, in order of time.

        Without `teach` they only stop waiting: they were taught before a restart.
        """
        lessons = self._due_labels(time_ms)
        rows, self._next = self._vectors.waiting_until(time_ms - self._negative_after_ms, self._next)
        due_ms = self._vectors.times_of(rows) + self._negative_after_ms
        lessons += zip(due_ms.tolist(), rows.tolist(), [0] * len(rows), strict=True)
        for row in rows.tolist():
            self._vectors.teach(row, 0)
        if lessons and teach:
            lessons.sort(key=itemgetter(0))
            labels = np.array([label for _, _, label in lessons], np.float64)
            self.learner.learn_many(self._vectors.of(np.array([row for _, row, _ in lessons], np.int64)), labels)
            self._positives += int(labels.sum())
            self._negatives += len(labels) - int(labels.sum())
        self._vectors.drop(time_ms - 2 * self._negative_after_ms, self._vectors_max)

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on learning, but for the vectors that wait."""
        return {**self.learner.state(), "lessons": np.array([self._positives, self._negatives])}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._positives, self._negatives = state["lessons"].tolist()
        self.learner.restore({name: array for name, array in state.items() if name != "lessons"})

    def snapshot(self, sequence: int, time_ms: int) -> Snapshot | None:
        """What scores from now on; none before both classes were seen."""
        return _snapshot(self.model, self.learner, sequence, time_ms) if self._positives and self._negatives else None

    def _due_labels(self, time_ms: int) -> list[tuple[int, int, int]]:
        """(time, row, label) to teach; a label after its event had counted as negative corrects it only if it differs."""
        lessons: list[tuple[int, int, int]] = []
        while self._labels and self._labels[0][0] <= time_ms:
            due_ms, id_key, label = heapq.heappop(self._labels)
            row = self._vectors.row_of(id_key)
            if row is None:
                continue
            taught = self._vectors.taught(row)
            negative_ms = self._vectors.time_ms(row) + self._negative_after_ms
            if taught == WAITING and due_ms > negative_ms:
                lessons.append((negative_ms, row, 0))
                taught = 0
            if taught != label:
                lessons.append((due_ms, row, label))
            self._vectors.teach(row, label)
        return lessons


class Learners:
    """All global models of a release.

    Args:
        release: whose models learn.
    """

    def __init__(self, release: Release) -> None:
        self.each: list[EventLearner | LabelLearner] = [
            LabelLearner(model, release.schema.negative_after_ms) if model.labelled else EventLearner(model)
            for model in release.models
            if not model.keyed
        ]

    def publish_every_ms(self) -> int:
        """The shortest period of the models; a day when there is none."""
        return min((each.model.publish_every_ms for each in self.each), default=86_400_000)

    def snapshots(self, sequence: int, time_ms: int) -> Iterable[Snapshot]:
        """A snapshot of each model that is ready for one, all that is due at `time_ms` taught before."""
        for each in self.each:
            each.advance(time_ms)
            snapshot = each.snapshot(sequence, time_ms)
            if snapshot is not None:
                yield snapshot


def sampled(id_keys: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which events a learner sees: a multiplicative hash of the id below `share`; the same on every run."""
    hashed = id_keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mask: NDArray[np.bool_] = (hashed >> np.uint64(11)) < np.uint64(int(share * (1 << 53)))
    return mask


def _snapshot(model: Model, learner: Learner, sequence: int, time_ms: int) -> Snapshot:
    return Snapshot(model.name, model.definition, sequence, time_ms, learner.snapshot())
