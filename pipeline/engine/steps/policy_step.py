"""The fifth step: scores become decisions with their reasons."""

import numpy as np
from numpy.typing import NDArray

from features.layout.layout import RETRACTED, WARMING
from patterns.band_kernels import take_first
from patterns.policy import ACTIONS, DECIDERS
from pipeline.engine.decisions.reasons import find_reasons
from pipeline.engine.decisions.snapshots_of_rows import SnapshotsOfRows
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.hold_out import let_some_pass
from pipeline.engine.steps.speakers import adjust, override, speak
from pipeline.engine.steps.step import Turn

_OF_SCORES = np.array([DECIDERS.index("score"), DECIDERS.index("fallback")], np.uint8)
"""Where there is a score, and where there is none."""
_EVENT_NS, _MODEL_NS = 150.0, 30.0


class PolicyStep:
    """Fills the score that counts, the action, what decided it, and the reasons."""

    name = "policy"
    reads: tuple[str, ...] = ("features", "flags", "models", "probabilities", "inputs", "snapshots", "scoring", "matches")
    fills: tuple[str, ...] = ("scores", "chosen", "actions", "deciders", "spoken", "reasons", "features", "flags", "models", "calibrated")

    def cost_ns(self, release: Release) -> float:
        return _EVENT_NS + _MODEL_NS * len(release.policy.models)

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        policy = verdicts.release.policy
        for position, name in enumerate(policy.models):
            given = np.empty(len(verdicts.scores), np.bool_)
            if not take_first(verdicts.scores, verdicts.chosen, verdicts.probabilities[name], position, given):
                continue
            if policy.scale == "stable" and name in verdicts.snapshots:
                _say_what_the_score_means(verdicts, verdicts.snapshots[name], given)
        if len(verdicts.matches.events):
            adjust(verdicts.scores, verdicts.matches.adjusts)
        places = override(turn, verdicts) if policy.overrides else None
        verdicts.actions = policy.decide_many(verdicts.scores)
        verdicts.deciders = _OF_SCORES[np.isnan(verdicts.scores).view(np.uint8)]
        if verdicts.release.bypass.on:
            verdicts.deciders = np.full(len(verdicts.scores), DECIDERS.index("bypass"), np.uint8)
        else:
            if places is not None:
                verdicts.spoken = places
                verdicts.deciders[places >= 0] = DECIDERS.index("override")
            speak(turn, verdicts)
            if policy.hold_out is not None:
                let_some_pass(policy.hold_out, turn, verdicts)
        _take_back(verdicts)
        find_reasons(verdicts)


def _say_what_the_score_means(verdicts: Verdicts, snapshots: SnapshotsOfRows, given: NDArray[np.bool_]) -> None:
    """Adds the probability to scores that a model has given by `snapshots`, and flags those of a provisional map."""
    verdicts.flags[given & snapshots.provisional(len(given)) & ~verdicts.are(UNDECIDED)] |= WARMING
    rows = np.flatnonzero(given)
    verdicts.calibrated[rows] = snapshots.calibrated_many(verdicts.scores[rows], rows)


def _take_back(verdicts: Verdicts) -> None:
    """Leaves of a retracted event neither features nor scores; it is approved."""
    if verdicts.any_are(RETRACTED):
        gone = verdicts.are(RETRACTED)
        verdicts.features[gone] = verdicts.scores[gone] = verdicts.calibrated[gone] = np.nan
        verdicts.flags[gone] &= ~np.uint16(WARMING)
        verdicts.chosen[gone] = verdicts.spoken[gone] = -1
        verdicts.actions[gone] = ACTIONS.index("approve")
        verdicts.deciders[gone] = DECIDERS.index("retraction")
        verdicts.models = {name: np.where(gone, np.nan, raw) for name, raw in verdicts.models.items()}
