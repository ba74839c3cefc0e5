"""The snapshots that global models score with, and those that put scores on the stable scale."""

from collections.abc import Collection
from typing import NamedTuple

from detectors.calibration import Calibration
from detectors.catalogue import Scoring, score_from
from detectors.score_map import ScoreMap
from detectors.snapshot import Snapshot
from pipeline.engine.models import Model
from pipeline.engine.release import Release
from pipeline.engine.two_numbers import CALIBRATION, SCALE


class Installed(NamedTuple):
    """A snapshot, ready for use.

    Args:
        snapshot: as it came.
        scoring: its scoring side; None for a detector with a state for each entity.
        map: puts its scores on the stable scale; None where the snapshot has none.
        calibration: gives the probability of a score on the stable scale; None where there are too few labels.
    """

    snapshot: Snapshot
    scoring: Scoring | None
    map: ScoreMap | None
    calibration: Calibration | None


class InstalledSnapshots:
    """The newest snapshot of each definition of a model, ready to score."""

    def __init__(self) -> None:
        self._held: dict[str, Installed] = {}

    def get(self, key: str) -> Installed | None:
        """The snapshot of `key`, see `Snapshot.key`."""
        return self._held.get(key)

    def install(self, snapshot: Snapshot, release: Release) -> bool:
        """Scores with `snapshot` from now on; false when it is not of a model of `release`, or not newer.

        Raises:
            ValueError: its arrays are not those of such a model; the one before stays.
        """
        for model in release.models:
            if model.name == snapshot.model and model.definition == snapshot.definition:
                held = self._held.get(snapshot.key)
                if held and held.snapshot.sequence >= snapshot.sequence:
                    return False
                scoring = _scoring_of(snapshot, model)
                if scoring is not None and scoring.inputs != len(model.inputs):
                    raise ValueError(f"snapshot for {scoring.inputs} inputs; the model has {len(model.inputs)}")
                map, calibration = ScoreMap.from_arrays(snapshot.arrays_of(SCALE)), Calibration.from_arrays(snapshot.arrays_of(CALIBRATION))
                self._held[snapshot.key] = Installed(snapshot, scoring, map, calibration)
                return True
        return False

    def retain(self, keys: Collection[str]) -> None:
        """Drops all snapshots but those of `keys`."""
        self._held = {key: held for key, held in self._held.items() if key in keys}


def _scoring_of(snapshot: Snapshot, model: Model) -> Scoring | None:
    """The scoring side of a snapshot; None for a detector with a state for each entity, whose snapshots hold its numbers alone."""
    kind = _kind_of(snapshot, model)
    return None if model.keyed else score_from(kind, snapshot.arrays_of())


def _kind_of(snapshot: Snapshot, model: Model) -> str:
    """The kind of a snapshot of `model`; one of an older version does not state it.

    Raises:
        ValueError: it is of another kind than the model's snapshots are.
    """
    if snapshot.kind not in ("", model.model):
        raise ValueError(f"expected a snapshot of the kind {model.model!r}, got {snapshot.kind!r}")
    return model.model
