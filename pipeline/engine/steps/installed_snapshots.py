"""The snapshots that global models score with, those that put scores on the stable scale, and those that give thresholds."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import POPULATIONS, Scoring, score_from
from detectors.keyed.category_counts import POPULATION
from detectors.scores.calibration import Calibration
from detectors.scores.score_map import ScoreMap
from detectors.snapshot import Snapshot
from patterns.thresholds.tail_table import TailTable
from patterns.thresholds.threshold import Threshold
from pipeline.engine.decisions.snapshots_of_rows import NONE, Installed, SnapshotsOfRows
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.learners.threshold_learner import KIND
from pipeline.engine.learners.two_numbers import CALIBRATION, SCALE
from pipeline.engine.learners.usual_values import USUAL, UsualValues

NEWEST = -1
"""The moment that stands for the end of time: the newest snapshot counts."""


class InstalledSnapshots:
    """Holds the snapshots of each definition of a model or a learned threshold, ready for use.

    A snapshot counts from a moment on: the live system takes the position in the topic at which it was whole. Events name such a moment
    too, and of the snapshots that count by then the one with the greatest number scores.
    """

    def __init__(self) -> None:
        self._held: dict[str, list[Installed]] = {}

    def of(self, key: str, moments: NDArray[np.int64] | None) -> SnapshotsOfRows | None:
        """Gives what scores events by the snapshots of `key`, see `Snapshot.key`; None if there is no such snapshot.

        Args:
            moments: [n] up to which snapshots count for each event, or `NEWEST`; None: the newest for all.
        """
        held = self._held.get(key)
        if held is None:
            return None
        if moments is None or not len(moments):
            return SnapshotsOfRows(held)
        if int(np.minimum.reduce(moments)) >= held[-1].since or int(np.maximum.reduce(moments)) == NEWEST:
            return SnapshotsOfRows(held)
        which = np.full(len(moments), NONE, np.int64)
        for place, each in enumerate(held):
            which[(moments >= each.since) | (moments == NEWEST)] = place
        return SnapshotsOfRows(held, which)

    def lacks(self, snapshot: Snapshot, release: Release) -> bool:
        """Tells whether `install` would make `snapshot` ready: it is of a model or a threshold of `release`, and not there yet."""
        held = self._held.get(snapshot.key, ())
        return _of(snapshot, release) is not None and all(each.sequence != snapshot.sequence for each in held)

    def install(self, snapshot: Snapshot, release: Release, since: int | None = None, scoring: Scoring | None = None) -> bool:
        """Uses `snapshot`; returns false if it is not of a model or a threshold of `release`, or not new.

        Args:
            since: the moment from which on it counts, beside the other snapshots of its definition; None: at once, in place of all that
                have a smaller number.
            scoring: its scoring side, where that has been made already.

        Raises:
            ValueError: its arrays are not those of such a model or threshold; those before stay.
        """
        of = _of(snapshot, release)
        return of is not None and self._install(snapshot, of, since, scoring)

    def retain(self, kept: Collection[tuple[str, int]]) -> None:
        """Drops all snapshots but those with these keys and numbers, see `Snapshot.key`."""
        left = {key: [each for each in held if (key, each.sequence) in kept] for key, held in self._held.items()}
        self._held = {key: held for key, held in left.items() if held}

    def _install(self, snapshot: Snapshot, of: Model | Threshold, since: int | None, scoring: Scoring | None) -> bool:
        held = self._held.get(snapshot.key, [])
        if since is None:
            if held and held[-1].sequence >= snapshot.sequence:
                return False
            self._held[snapshot.key] = [_installed(snapshot, of, NEWEST, scoring)]
            return True
        same = next((each for each in held if each.sequence == snapshot.sequence), None)
        fresh = _installed(snapshot, of, since, scoring) if same is None else same._replace(since=since)
        others = [each for each in held if each is not same]
        self._held[snapshot.key] = sorted([*others, fresh], key=lambda each: each.sequence)
        return same is None


def _of(snapshot: Snapshot, release: Release) -> Model | Threshold | None:
    """Returns what in `release` the snapshot is of; None if nothing is."""
    known: tuple[Model | Threshold, ...] = (*release.models, *release.rules.thresholds)
    return next((each for each in known if each.name == snapshot.model and each.definition == snapshot.definition), None)


def _installed(snapshot: Snapshot, of: Model | Threshold, since: int, scoring: Scoring | None) -> Installed:
    """Makes a snapshot of a model or a threshold ready.

    Raises:
        ValueError: it is of another kind than the model's snapshots are, or its arrays are not those of such a model or threshold.
    """
    if isinstance(of, Threshold):
        if snapshot.kind != KIND:
            raise ValueError(f"expected a snapshot of the kind {KIND!r}, got {snapshot.kind!r}")
        return Installed(since, snapshot.sequence, None, None, None, TailTable.from_arrays(snapshot.arrays_of()))
    map, calibration = ScoreMap.from_arrays(snapshot.arrays_of(SCALE)), Calibration.from_arrays(snapshot.arrays_of(CALIBRATION))
    population = POPULATION.read(snapshot.arrays_of()) if of.model in POPULATIONS else None
    usual = UsualValues.from_arrays(snapshot.arrays_of(USUAL))
    return Installed(since, snapshot.sequence, _scoring_of(snapshot, of, scoring), map, calibration, None, population, usual)


def _scoring_of(snapshot: Snapshot, model: Model, made: Scoring | None) -> Scoring | None:
    """The scoring side of a snapshot; None for a detector with a state for each entity, whose snapshots hold its numbers alone.

    A snapshot of an older version does not state its kind.
    """
    if snapshot.kind not in ("", model.model):
        raise ValueError(f"expected a snapshot of the kind {model.model!r}, got {snapshot.kind!r}")
    if model.keyed:
        return None
    scoring = score_from(model.model, snapshot.arrays_of()) if made is None else made
    if scoring.inputs != len(model.inputs):
        raise ValueError(f"snapshot for {scoring.inputs} inputs; the model has {len(model.inputs)}")
    return scoring
