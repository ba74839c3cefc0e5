"""Pairs of an event and a rule that matches it, which is what conditions and sequences of rules give."""

from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Int64s
from patterns.matches import Bools
from patterns.rules.keyed.rule_sequences import MatchedRules


class MatchedPairs(NamedTuple):
    """m pairs of an event of a batch and a rule that matches it.

    Args:
        events: [m] row of the event in its batch.
        rules: [m] position among the release's rules.
        matches: [m] place among the matches of sequences; -1 for a rule on the event alone.
    """

    events: Int64s
    rules: Int64s
    matches: Int64s

    def at(self, kept: Int64s | Bools) -> "MatchedPairs":
        """Returns the pairs at the places `kept`."""
        return MatchedPairs(self.events[kept], self.rules[kept], self.matches[kept])

    def beside(self, others: "MatchedPairs") -> "MatchedPairs":
        """Returns these pairs and behind them the others."""
        return MatchedPairs(*map(np.concatenate, zip(self, others, strict=True)))


def pairs_of_events(events: Int64s, rules: Int64s) -> MatchedPairs:
    """Returns pairs of rules on the event alone."""
    return MatchedPairs(events, rules, np.full(len(rules), -1))


def pairs_of_sequences(matched: MatchedRules) -> MatchedPairs:
    """Returns the pairs that sequences completed."""
    return MatchedPairs(matched.events, matched.rules, np.arange(len(matched.events)))
