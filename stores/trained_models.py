"""Defines how models are stored that were trained beside the stream, with what is known of them; the learn job publishes them."""

from typing import Any, Protocol

import msgspec

KEPT = 5
"""So many trainings of one definition are kept, the newest ones."""
REASON_CHARACTERS_MAX = 500
"""Of why a training was asked for, which its report keeps."""


class TrainedModel(msgspec.Struct, frozen=True):
    """Holds what one training found.

    Args:
        id: a UUID as 32 hexadecimal digits.
        model: the name of the model in models.yaml.
        definition: the content hash of the model's definition.
        sequence: the number of its snapshot; that of a later training of the definition is greater.
        made_at_ms: when it was made, ms since the epoch.
        report: the data that it was trained on and how well it ranked, for JSON.
        snapshot: an encoded `detectors.snapshot.Snapshot`; empty where only the rest was asked for.
    """

    id: str
    model: str
    definition: str
    sequence: int
    made_at_ms: int
    report: dict[str, Any]
    snapshot: bytes = b""


class TrainedModels(Protocol):
    """Stores trainings. Each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, trained: TrainedModel) -> None:
        """Stores a training, or does nothing if one with its definition and sequence is there; forgets all but the newest `KEPT`."""

    def newest(self, model: str, definition: str, above: int) -> TrainedModel | None:
        """Returns the training of a definition with the greatest sequence, with its snapshot; None if none is greater than `above`."""

    def of(self, model: str) -> list[TrainedModel]:
        """Returns all trainings of a model without their snapshots, newest first."""
