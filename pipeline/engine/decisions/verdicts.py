"""What the engine says of a batch of events."""

import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.layout.layout import CORRECTED, DUPLICATE, ID_REUSED, RETRACTED, TOO_FAR_BACK, TOO_LATE, TOO_OFTEN, UNKNOWN
from foundation.filled_arrays import filled
from patterns.matches import Matches, no_matches
from patterns.matches import joined as joined_matches
from patterns.policy import DECIDERS
from pipeline.engine.decisions.outcome_words import common_flags
from pipeline.engine.decisions.snapshots_of_rows import SnapshotsOfRows
from pipeline.engine.decisions.snapshots_of_rows import joined as joined_snapshots
from pipeline.engine.definitions.release import Release

REASONS_MAX = 3
RULES_NAMED_MAX = 2
"""Rules that are remembered of a decision that rules made."""

UNDECIDED = DUPLICATE | ID_REUSED | TOO_LATE | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN
"""Flags of events that leave no trace in the user's profile and get no new decision."""

REVISED = CORRECTED | RETRACTED
"""Flags of events that were decided before: detectors and models have seen them already."""


REMEMBERED = ("scores", "actions", "deciders", "chosen", "reasons", "rules", "releases", "revisions")
"""Columns that are kept beside each event, and that a duplicate has of the newest decision on its event."""


@dataclass(slots=True)
class Verdicts:
    """What the engine says of a batch, a row an event. The steps fill its columns one after the other, see `pipeline.engine.steps`.

    Args:
        release: the release it was made by.
        scores: in [0, 1], NaN where no model gave one and where the event was retracted.
        actions: codes of `patterns.policy.ACTIONS`.
        deciders: codes of `patterns.policy.DECIDERS`.
        features: [n, features], major units, NaN where missing.
        models: raw score of each model; NaN where it was not ready, and where its inputs are mostly missing.
        flags: bits of `features.layout.layout`. A duplicate is also CORRECTED or RETRACTED where the newest decision on its event is.
        rows: references of the retained rows, for what is remembered of a decision.
        outcomes: what was remembered of a corrected or retracted event before; of a duplicate whose event is retracted, of its retraction;
            else 0. See `pipeline.engine.decisions.reasons.Outcomes`.
        releases: that each decision was made by: for a duplicate, that of the newest decision.
        revisions: number of each decision on its event, from 0; for a duplicate, that of the newest one.
        chosen: position in the policy's models of the one that gave the score; -1: none.
        reasons: [n, REASONS_MAX] positions among that model's inputs of those that raised the score most, largest first; -1: none.
            Where no model gave a score, the first is the position of the first of the policy's models whose inputs are mostly missing.
            A duplicate has those of the newest decision, of the model and release that made it.
        rules: [n, RULES_NAMED_MAX] positions among the release's rules of those that matched and are named first; -1: none. A duplicate
            has those of the newest decision, of the release that made it, where rules made it.
        matches: which rules of the release matched; a duplicate has none.
        spoken: position among the policy's verdicts or allow lists of the one that decided, where one did; else -1.
        probabilities: what each model's score means on the policy's scale, in [0, 1]; NaN where the raw score is, and while there is
            nothing to go by.
        inputs: what each model saw, [n, inputs].
        shares: [n, inputs] what each input added to the score of detectors with several inputs and a state for each entity.
        snapshots: the snapshots that each model's scores come from.
        scoring: those of global models alone, by which their scores can be explained.
        thresholds: by name of each learned threshold, [n, LOOKED] what was known of it and what was asked, see
            `patterns.thresholds.threshold`; a row without a value is NaN. `snapshots` names by the same name what it was known from.
        cohorts: by the same names, [n] the texts of the events' cohorts; None where there is none.
        calibrated: [n, 3] the probability that the event is positive, and the lower and upper end of its interval; NaN where nothing is
            known.
        others: by name, what a step said of the same events beside this, such as what they would be with other rules. They share columns
            that both have alike.
    """

    release: Release
    scores: NDArray[np.float64]
    actions: NDArray[np.uint8]
    deciders: NDArray[np.uint8]
    features: NDArray[np.float64]
    flags: NDArray[np.uint16]
    rows: NDArray[np.int64]
    outcomes: NDArray[np.int64]
    releases: NDArray[np.int64]
    revisions: NDArray[np.int64]
    chosen: NDArray[np.int8]
    reasons: NDArray[np.int8]
    rules: NDArray[np.int16]
    matches: Matches
    spoken: NDArray[np.int8]
    calibrated: NDArray[np.float64]
    models: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    inputs: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    shares: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    snapshots: dict[str, SnapshotsOfRows] = field(default_factory=dict)
    scoring: dict[str, SnapshotsOfRows] = field(default_factory=dict)
    thresholds: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    cohorts: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    others: dict[str, "Verdicts"] = field(default_factory=dict)

    def are(self, flags: int) -> NDArray[np.bool_]:
        """[n] whether an event has any of `flags`."""
        found: NDArray[np.bool_] = (self.flags & flags) != 0
        return found

    def any_are(self, flags: int) -> bool:
        """Returns whether any event has any of `flags`: in a sixth of the time of asking `are`."""
        return bool(common_flags(self.flags) & flags)

    def at(self, order: NDArray[np.int64]) -> "Verdicts":
        """Returns those of the same events in another order; `order` [n] holds each row once."""
        other = copy.copy(self)
        for name in _COLUMNS:
            setattr(other, name, getattr(self, name)[order])
        for name in _NAMED_COLUMNS:
            setattr(other, name, {key: column[order] for key, column in getattr(self, name).items()})
        other.snapshots = {name: snapshots.at(order) for name, snapshots in self.snapshots.items()}
        other.scoring = {name: other.snapshots[name] for name in self.scoring}
        other.matches = self.matches.in_order(order)
        other.others = {name: each.at(order) for name, each in self.others.items()}
        return other


_COLUMNS = (*REMEMBERED, "features", "flags", "rows", "outcomes", "spoken", "calibrated")
_NAMED_COLUMNS = ("models", "probabilities", "inputs", "shares", "thresholds", "cohorts")


def nothing_said(release: Release, features: NDArray[np.float64]) -> Verdicts:
    """Of events of which nothing is known but the features of their entities.

    Args:
        features: [n, features of the release]; the steps write into it.
    """
    n = len(features)
    codes, places, numbers = np.zeros((2, n), np.uint8), filled((2, n), -1, np.int8), np.zeros((4, n), np.int64)
    numbers[3].fill(release.id)
    return Verdicts(
        release=release,
        scores=filled(n, np.nan),
        actions=codes[0],
        deciders=codes[1],
        features=features,
        flags=np.zeros(n, np.uint16),
        rows=numbers[0],
        outcomes=numbers[1],
        releases=numbers[3],
        revisions=numbers[2],
        chosen=places[0],
        reasons=filled((n, REASONS_MAX), -1, np.int8),
        rules=filled((n, RULES_NAMED_MAX), -1, np.int16),
        matches=no_matches(n),
        spoken=places[1],
        calibrated=filled((n, 3), np.nan),
    )


def joined(parts: list[Verdicts]) -> Verdicts:
    """Of batches of one release that follow each other, made while the same snapshots were installed, as of one."""
    if len(parts) == 1:
        return parts[0]
    whole = copy.copy(parts[0])
    for name in _COLUMNS:
        setattr(whole, name, np.concatenate([getattr(part, name) for part in parts]))
    for name in _NAMED_COLUMNS:
        columns = [getattr(part, name) for part in parts]
        setattr(whole, name, {key: np.concatenate([column[key] for column in columns]) for key in columns[0]})
    whole.snapshots = {name: joined_snapshots([(part.snapshots[name], len(part.scores)) for part in parts]) for name in parts[0].snapshots}
    whole.scoring = {name: whole.snapshots[name] for name in parts[0].scoring}
    whole.matches = joined_matches([part.matches for part in parts])
    whole.others = {name: joined([part.others[name] for part in parts]) for name in parts[0].others}
    return whole


def hold_outs(verdicts: Verdicts) -> NDArray[np.float64]:
    """Returns [n] the probability with which an event passed that would have been blocked; 0 for all others, see `patterns.hold_out`."""
    policy = verdicts.release.policy
    if policy.hold_out is None:
        return np.zeros(len(verdicts.deciders))
    drawn = verdicts.deciders == DECIDERS.index("hold_out")
    return np.where(drawn, policy.hold_out.share, 0.0)
