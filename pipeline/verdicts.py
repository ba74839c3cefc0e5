"""What the engine says of a batch of events."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Scoring
from features.layout import DUPLICATE, ID_REUSED, TOO_LATE
from pipeline.release import Release

NOT_SCORED = DUPLICATE | ID_REUSED | TOO_LATE
"""Flags of events that leave no trace in the user's profile and get no new decision."""


@dataclass(slots=True)
class Verdicts:
    """What the engine says of a batch, a row an event.

    Args:
        release: the release it was made by.
        scores: in [0, 1], NaN where no model was ready.
        actions: codes of `patterns.policy.ACTIONS`.
        features: [n, features], major units, NaN where missing.
        models: raw score of each model; NaN where it was not ready.
        snapshots: sequence number of the snapshot behind each global model.
        flags: bits of `features.profile`.
        rows: references of the retained rows, for what is remembered of a decision.
        releases: that each decision was made by: for a duplicate, that of the first decision.
        chosen: position in the policy's models of the one that gave the score; -1: none.
        reasons: [n, REASONS_MAX] positions among that model's inputs of those that raised the score most, largest first; -1: none.
            A duplicate has those of the first decision, of the model and release that made it.
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
    chosen: NDArray[np.int8]
    reasons: NDArray[np.int8]
    models: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    snapshots: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    scoring: dict[str, Scoring] = field(default_factory=dict)
