"""Counts how often each rule matched in a replay, and how often rightly."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patterns.matches import Matches, Rules


class RuleOutcome(NamedTuple):
    """What a rule did.

    Args:
        matches: the number of events that it matched. Of an event with more than `patterns.matches.MATCHES_MAX` matches those that are
            not named are not counted.
        acted: the number of these for which it acted; for the others it was in shadow.
        positives: the number of these with a positive label.
    """

    pattern: str
    matches: int
    acted: int
    positives: int


class RuleCounts:
    """Gathers matches batch by batch.

    Args:
        rules: of the release.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = []

    def add(self, first: int, matches: Matches) -> None:
        """Takes in the matches of a batch whose first event is the event `first` of the history."""
        if len(matches.events):
            self._parts.append((matches.events + first, matches.rules, matches.shadows))

    def outcomes(self, marks_of: Callable[[NDArray[np.int64]], NDArray[np.int8]]) -> list[RuleOutcome]:
        """Returns what each rule of the release did, in the order of their weight.

        Args:
            marks_of: gives the label, 1 or 0, of each of the events at positions of the history.
        """
        if not self._parts:
            return [RuleOutcome(rule.pattern, 0, 0, 0) for rule in self._rules.each]
        events, rules, shadows = (np.concatenate(columns) for columns in zip(*self._parts, strict=True))
        n = len(self._rules.each)
        matches, acted, positives = (np.bincount(rules[kept], minlength=n) for kept in (..., ~shadows, marks_of(events) > 0))
        counts = zip(self._rules.each, matches.tolist(), acted.tolist(), positives.tolist(), strict=True)
        return [RuleOutcome(rule.pattern, *each) for rule, *each in counts]
