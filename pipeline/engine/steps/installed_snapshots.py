"""The snapshots that global models score with."""

from collections.abc import Collection

from detectors.catalogue import Scoring, score_from
from detectors.snapshot import Snapshot
from pipeline.engine.models import Model
from pipeline.engine.release import Release


class InstalledSnapshots:
    """The newest snapshot of each definition of a model, ready to score."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Snapshot, Scoring]] = {}

    def get(self, key: str) -> tuple[Snapshot, Scoring] | None:
        """The snapshot of `key`, see `Snapshot.key`, and its scoring side."""
        return self._held.get(key)

    def install(self, snapshot: Snapshot, release: Release) -> bool:
        """Scores with `snapshot` from now on; false when it is not of a model of `release`, or not newer.

        Raises:
            ValueError: its arrays are not those of such a model; the one before stays.
        """
        for model in release.models:
            if model.name == snapshot.model and model.definition == snapshot.definition:
                held = self._held.get(snapshot.key)
                if held and held[0].sequence >= snapshot.sequence:
                    return False
                scoring = score_from(_kind_of(snapshot, model), snapshot.arrays_of())
                if scoring.inputs != len(model.inputs):
                    raise ValueError(f"snapshot for {scoring.inputs} inputs; the model has {len(model.inputs)}")
                self._held[snapshot.key] = (snapshot, scoring)
                return True
        return False

    def retain(self, keys: Collection[str]) -> None:
        """Drops all snapshots but those of `keys`."""
        self._held = {key: held for key, held in self._held.items() if key in keys}


def _kind_of(snapshot: Snapshot, model: Model) -> str:
    """The kind of a snapshot of `model`; one of an older version does not state it.

    Raises:
        ValueError: it is of another kind than the model's snapshots are.
    """
    if snapshot.kind not in ("", model.model):
        raise ValueError(f"expected a snapshot of the kind {model.model!r}, got {snapshot.kind!r}")
    return model.model
