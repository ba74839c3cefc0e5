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
        errors, skips: the number of events at which the rule erred, and was skipped because a value was missing.
    """

    pattern: str
    matches: int
    acted: int
    positives: int
    errors: int = 0
    skips: int = 0


class RuleCounts:
    """Gathers matches batch by batch.

    Args:
        rules: of the release.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._before = rules.errors.copy(), rules.skips.copy()
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
            nothing = np.zeros(0, np.int64)
            self._parts.append((nothing, nothing, np.zeros(0, np.bool_)))
        events, rules, shadows = (np.concatenate(columns) for columns in zip(*self._parts, strict=True))
        n = len(self._rules.each)
        errors, skips = self._rules.errors - self._before[0], self._rules.skips - self._before[1]
        matches, acted, positives = (np.bincount(rules[kept], minlength=n) for kept in (..., ~shadows, marks_of(events) > 0))
        counts = zip(self._rules.each, *(each.tolist() for each in (matches, acted, positives, errors, skips)), strict=True)
        return [RuleOutcome(rule.pattern, *each) for rule, *each in counts]
