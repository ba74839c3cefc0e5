"""The third step matches rules against events, their features and the scores of models."""

import numpy as np

from features.layout.layout import RETRACTED
from patterns.matches import Matches
from pipeline.engine.decisions.verdicts import RULES_NAMED_MAX, UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.step import Turn


class RuleStep:
    """Fills which rules of the release matched which events. A retracted event and one without a decision match no rule.

    A release without rules costs nothing.
    """

    name = "rules"
    reads: tuple[str, ...] = ("features", "flags", "models", "probabilities")
    fills: tuple[str, ...] = ("matches", "rules")

    def cost_ns(self, release: Release) -> float:
        return release.rules.cost_ns

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        if verdicts.release.rules.each:
            found = verdicts.release.rules.find_many(turn.batch, verdicts.features, verdicts.probabilities)
            verdicts.matches = found.of_events(~verdicts.are(UNDECIDED | RETRACTED))
            _name_first(verdicts.matches, verdicts.rules)


def _name_first(matches: Matches, rules: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> None:
    """Writes into `rules` the matches of each event that stand first."""
    firsts = np.searchsorted(matches.events, matches.events, side="left")
    places = np.arange(len(firsts)) - firsts
    kept = places < RULES_NAMED_MAX
    rules[matches.events[kept], places[kept]] = matches.rules[kept]
