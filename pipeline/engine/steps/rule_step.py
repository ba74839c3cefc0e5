"""The fourth step matches rules against events, their features and the scores of models."""

import numpy as np

from patterns.matches import Matches
from pipeline.engine.decisions.verdicts import RULES_NAMED_MAX, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.sight import sight_of
from pipeline.engine.steps.step import Turn


class RuleStep:
    """Fills which rules of the release matched which events. A retracted event and one without a decision match no rule.

    A release without rules costs nothing.
    """

    name = "rules"
    reads: tuple[str, ...] = ("features", "flags", "models", "probabilities", "thresholds")
    fills: tuple[str, ...] = ("matches", "rules")

    def cost_ns(self, release: Release) -> float:
        return release.rules.cost_ns

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        if verdicts.release.rules.each:
            verdicts.matches = verdicts.release.rules.find_many(sight_of(turn, verdicts))
            if len(verdicts.matches.events):
                _name_first(verdicts.matches, verdicts.rules)


def _name_first(matches: Matches, rules: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> None:
    """Writes into `rules` those that act and stand first of each event."""
    firsts = np.searchsorted(matches.events, matches.events, side="left")
    places = np.arange(len(firsts)) - firsts
    kept = (places < RULES_NAMED_MAX) & ~matches.shadows
    rules[matches.events[kept], places[kept]] = matches.rules[kept]
