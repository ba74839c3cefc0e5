"""What a model's snapshots need beside the model itself, so that a score means a share of events, and comes with a probability."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.learner import Arrays
from detectors.missing import are_mostly_missing
from detectors.snapshot import GROUP_END
from features.schema.batch import Batch
from patterns.policy import ACTIONS
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.outcome_counts import OutcomeCounts
from pipeline.engine.learners.stable_scale import StableScale, event_hash_keys

PREFIX = "numbers."
"""The names of arrays of a learner's state that are not the learner's own begin with it."""

SCALE = "scale"
CALIBRATION = "calibration"
"""The groups of a snapshot's arrays that hold the map and the calibration, see `detectors.snapshot.Snapshot.arrays_of`."""


@dataclass(frozen=True, slots=True)
class Served:
    """Holds what was served of n events, as one model is concerned.

    Args:
        id_keys: keys of the events' ids.
        keys: by which labels name the events.
        times_ms: event times, in ms since the epoch.
        inputs: [n, inputs] of the model.
        raw: raw scores; NaN where the model gave none.
        scores: scores of the decisions, on the stable scale; NaN where it was not this model that gave the score.
        actions: codes of `patterns.policy.ACTIONS`.
    """

    id_keys: NDArray[np.int64]
    keys: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    inputs: NDArray[np.float64]
    raw: NDArray[np.float64]
    scores: NDArray[np.float64]
    actions: NDArray[np.uint8]


def served_of(verdicts: Verdicts, model: Model, batch: Batch, keys: NDArray[np.int64], rows: NDArray[np.bool_]) -> "Served":
    """What a batch of verdicts served, as `model` is concerned.

    Args:
        keys: [n] by which labels name the events.
        rows: [n] the events to take, which are those of first decisions.
    """
    names = verdicts.release.policy.models
    gave = verdicts.chosen == (names.index(model.name) if model.name in names else -2)
    return Served(
        batch.id_keys[rows],
        keys[rows],
        batch.times_ms[rows],
        verdicts.inputs[model.name][rows],
        verdicts.models[model.name][rows],
        np.where(gave, verdicts.scores, np.nan)[rows],
        verdicts.actions[rows],
    )


class TwoNumbers:
    """Fits the map and the calibration of one model, if its release has `scale: stable`.

    Args:
        model: its definition.
        release: which it belongs to. Only models that its policy names and those that challenge one of them have a probability.
    """

    def __init__(self, model: Model, release: Release) -> None:
        self._scale = StableScale(0 if model.keyed else len(model.inputs))
        self._decides = model.name in release.policy.models
        counted = self._decides or _challenges(model, release)
        self._counts = OutcomeCounts(release.schema.negative_after_ms) if counted else None

    def stand(self, model: Model, release: Release) -> None:
        """Goes on under a release in which `model` may have been promoted, or may have lost its place."""
        self._decides = model.name in release.policy.models
        if self._counts is None and (self._decides or _challenges(model, release)):
            self._counts = OutcomeCounts(release.schema.negative_after_ms)

    def see(self, served: Served, refill: bool = False) -> None:
        """Takes in events that were decided, each once.

        Args:
            refill: they were seen before a restart, and only wait for their labels again.
        """
        if not refill:
            whole = ~are_mostly_missing(served.inputs)
            keys = event_hash_keys(served.id_keys, served.times_ms)
            self._scale.see(keys[whole], served.raw[whole], served.inputs[whole])
        if self._counts is None:
            return
        scores = served.scores if self._decides else self._would_have_given(served.raw)
        gave = ~np.isnan(scores)
        blocked = served.actions[gave] == ACTIONS.index("block")
        self._counts.see(served.keys[gave], served.times_ms[gave], scores[gave], blocked)

    def _would_have_given(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores [n] of a challenger, by the newest map; so it has a probability on the day of its promotion."""
        return np.full(len(raw), np.nan) if self._scale.map is None else self._scale.map.apply(raw)

    def tell(self, lessons: Lessons) -> None:
        """Takes in labels, each in force at its time."""
        if self._counts is not None:
            self._counts.tell(lessons)

    def advance(self, time_ms: int, teach: bool = True) -> None:
        """Counts the labels in force at `time_ms`, in ms since the epoch; without `teach` they were counted before a restart."""
        if self._counts is not None:
            self._counts.advance(time_ms, teach)

    def arrays(self, score_many: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None) -> Arrays:
        """Fits both for a new snapshot and returns their arrays, by the names that they have in it.

        Args:
            score_many: gives raw scores of rows by the new snapshot; None for a detector without one.
        """
        map, calibration = self._scale.fit(score_many), self._counts.fit() if self._counts is not None else None
        return _grouped(SCALE, map.arrays() if map else {}) | _grouped(CALIBRATION, calibration.arrays() if calibration else {})

    def state(self, sampled: bool = True) -> Arrays:
        """Returns what `resume` takes; `sampled`: see `StableScale.state`."""
        counts = self._counts.state() if self._counts is not None else {}
        return {PREFIX + name: array for name, array in {**self._scale.state(sampled), **counts}.items()}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from that part of a learner's state which `state` gave."""
        own = {name.removeprefix(PREFIX): array for name, array in state.items() if name.startswith(PREFIX)}
        self._scale.resume(own)
        if self._counts is not None:
            self._counts.resume(own)


def _challenges(model: Model, release: Release) -> bool:
    """Tells whether a model is, or was before a promotion, one that is scored beside those that decide."""
    return bool(model.challenges) or model.name in release.champions


def _grouped(group: str, arrays: Arrays) -> Arrays:
    return {group + GROUP_END + name: array for name, array in arrays.items()}
