"""Models that are rebuilt beside the stream for a stage, until they are there or an event needs them."""

import numpy as np
from numpy.typing import NDArray

from pipeline.control.known_snapshots import Held
from pipeline.control.rebuilding import Rebuilding
from pipeline.wire.declaration import ANY_SNAPSHOTS


class AwaitedModels:
    """Holds snapshots with their models, in the order in which they came."""

    def __init__(self) -> None:
        self._awaited: list[tuple[Held, Rebuilding]] = []

    def clear(self) -> None:
        """Waits for none of them any more."""
        self._awaited.clear()

    def add(self, held: Held, model: Rebuilding) -> None:
        """Waits for one more."""
        self._awaited.append((held, model))

    def taken(self, positions: NDArray[np.int64]) -> list[tuple[Held, Rebuilding]]:
        """Returns and forgets those that are there, and those that an event is scored by.

        Args:
            positions: [n] up to which snapshots count for each event, or `ANY_SNAPSHOTS`.
        """
        if not self._awaited or not len(positions):
            return []
        newest = int(positions.max())
        any_counts = int(positions.min()) == ANY_SNAPSHOTS
        taken: list[tuple[Held, Rebuilding]] = []
        left: list[tuple[Held, Rebuilding]] = []
        for held, model in self._awaited:
            (taken if model.done() or any_counts or newest >= held.since else left).append((held, model))
        self._awaited = left
        return taken
