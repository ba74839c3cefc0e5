"""What the engine says of a batch of events."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Scoring
from features.layout import DUPLICATE, ID_REUSED, TOO_LATE
from pipeline.release import Release

WARMING, CORRECTED, RETRACTED, UNKNOWN = 16, 32, 64, 128

UNDECIDED = DUPLICATE | ID_REUSED | TOO_LATE | UNKNOWN
"""Flags of events that leave no trace in the user's profile and get no new decision."""

REVISED = CORRECTED | RETRACTED
"""Flags of events that were decided before: detectors and models have seen them already."""


@dataclass(slots=True)
class Verdicts:
    """What the engine says of a batch, a row an event.

    Args:
        release: the release it was made by.
        scores: in [0, 1], NaN where no model was ready and where the event was retracted.
        actions: codes of `patterns.policy.ACTIONS`.
        features: [n, features], major units, NaN where missing.
        models: raw score of each model; NaN where it was not ready.
        snapshots: sequence number of the snapshot behind each global model.
        flags: bits of `features.profile`. A duplicate is also CORRECTED or RETRACTED where the newest decision is.
        rows: references of the retained rows, for what is remembered of a decision.
        releases: that each decision was made by: for a duplicate, that of the newest decision.
        revisions: number of each decision on its event, from 0; for a duplicate, that of the newest one.
        chosen: position in the policy's models of the one that gave the score; -1: none.
        reasons: [n, REASONS_MAX] positions among that model's inputs of those that raised the score most, largest first; -1: none.
            A duplicate has those of the newest decision, of the model and release that made it.
        inputs: what each model saw, [n, inputs].
        scoring: the scoring side of each global model that was ready.
    """

    release: Release
    scores: NDArray[np.float64]
    actions: NDArray[np.uint8]
    features: NDArray[np.float64]
    flags: NDArray[np.uint8]
    rows: NDArray[np.int64]
    releases: NDArray[np.int64]
    revisions: NDArray[np.int64]
    chosen: NDArray[np.int8]
    reasons: NDArray[np.int8]
    models: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    snapshots: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    scoring: dict[str, Scoring] = field(default_factory=dict)

    def are(self, flags: int) -> NDArray[np.bool_]:
        """[n] whether an event has any of `flags`."""
        found: NDArray[np.bool_] = (self.flags & flags) != 0
        return found
