"""What the engine says of a batch of events."""

import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Scoring
from features.layout.layout import CORRECTED, DUPLICATE, ID_REUSED, RETRACTED, TOO_FAR_BACK, TOO_LATE, TOO_OFTEN, UNKNOWN
from pipeline.engine.release import Release

REASONS_MAX = 3

UNDECIDED = DUPLICATE | ID_REUSED | TOO_LATE | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN
"""Flags of events that leave no trace in the user's profile and get no new decision."""

REVISED = CORRECTED | RETRACTED
"""Flags of events that were decided before: detectors and models have seen them already."""


@dataclass(slots=True)
class Verdicts:
    """What the engine says of a batch, a row an event.

    Args:
        release: the release it was made by.
        scores: in [0, 1], NaN where no model gave one and where the event was retracted.
        actions: codes of `patterns.policy.ACTIONS`.
        features: [n, features], major units, NaN where missing.
        models: raw score of each model; NaN where it was not ready, and where its inputs are mostly missing.
        snapshots: sequence number of the snapshot behind each global model.
        flags: bits of `features.layout.layout`. A duplicate is also CORRECTED or RETRACTED where the newest decision on its event is.
        rows: references of the retained rows, for what is remembered of a decision.
        releases: that each decision was made by: for a duplicate, that of the newest decision.
        revisions: number of each decision on its event, from 0; for a duplicate, that of the newest one.
        chosen: position in the policy's models of the one that gave the score; -1: none.
        reasons: [n, REASONS_MAX] positions among that model's inputs of those that raised the score most, largest first; -1: none.
            Where no model gave a score, the first is the position of the first of the policy's models whose inputs are mostly missing.
            A duplicate has those of the newest decision, of the model and release that made it.
        inputs: what each model saw, [n, inputs].
        scoring: the scoring side of each global model that was ready.
    """

    release: Release
    scores: NDArray[np.float64]
    actions: NDArray[np.uint8]
    features: NDArray[np.float64]
    flags: NDArray[np.uint16]
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


def nothing_said(release: Release, features: NDArray[np.float64], flags: NDArray[np.uint16], rows: NDArray[np.int64]) -> Verdicts:
    """Of events of which no more is known than what became of them."""
    n = len(rows)
    chosen, reasons = np.full(n, -1, np.int8), np.full((n, REASONS_MAX), -1, np.int8)
    releases, revisions = np.full(n, release.id), np.zeros(n, np.int64)
    return Verdicts(release, np.full(n, np.nan), np.zeros(n, np.uint8), features, flags, rows, releases, revisions, chosen, reasons)


def joined(parts: list[Verdicts]) -> Verdicts:
    """Of batches of one release that follow each other, made by the same snapshots, as of one."""
    if len(parts) == 1:
        return parts[0]
    whole = copy.copy(parts[0])
    for name in ("scores", "actions", "features", "flags", "rows", "releases", "revisions", "chosen", "reasons"):
        setattr(whole, name, np.concatenate([getattr(part, name) for part in parts]))
    whole.models = {name: np.concatenate([part.models[name] for part in parts]) for name in whole.models}
    whole.inputs = {name: np.concatenate([part.inputs[name] for part in parts]) for name in whole.inputs}
    return whole
