"""Snapshots of models that were trained beside the stream, which the learn job publishes as it does those that it made itself."""

import logging
from collections.abc import Iterator

from detectors.snapshot import Snapshot
from pipeline.engine.definitions.release import Release
from stores.decisions import StoreUnavailableError
from stores.trained_models import TrainedModels

log = logging.getLogger(__name__)


class TrainedElsewhere:
    """Finds trainings that are newer than those that were published.

    Args:
        store: of trained models.
    """

    def __init__(self, store: TrainedModels) -> None:
        self._store = store
        self._published: dict[tuple[str, str], int] = {}
        self._why = ""

    def fresh(self, release: Release) -> Iterator[Snapshot]:
        """Yields the newest training of each boosted model of `release` that was not given before; none while the store is away."""
        for model in release.models:
            if model.boosted is not None:
                key = model.name, model.definition
                snapshot = self._newest(*key)
                if snapshot is not None:
                    self._published[key] = snapshot.sequence
                    yield snapshot

    def _newest(self, model: str, definition: str) -> Snapshot | None:
        try:
            trained = self._store.newest(model, definition, self._published.get((model, definition), -1))
        except StoreUnavailableError as error:
            if str(error) != self._why:
                log.warning("trained models are not known, and they are asked for again: %s", error)
            self._why = str(error)
            return None
        self._why = ""
        return None if trained is None else Snapshot.decode(trained.snapshot)
