"""Rules that match without being asked why. For tests only."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from features.profiles.sections import Section
from patterns.absences import NOBODY_WAITS, Waiting
from patterns.findings import Events, Values, found_by
from patterns.matches import MATCHES_MAX, NOTHING_HIDDEN, EntityRules, Matches, Rule, Sight
from patterns.policy import ACTIONS
from patterns.thresholds.threshold import Asked, Threshold


class Seen(NamedTuple):
    """What the matches saw."""

    amounts: list[float]
    rules: list[int]

    def values(self, place: int) -> Values:
        return {"amount": self.amounts[place], "seen": f"rule {self.rules[place]}"}

    def reason(self, place: int) -> str:
        return f"rule {self.rules[place]} says so"

    def events(self, place: int) -> Events:
        return ()


class PlantedRules:
    """Every event is matched by the first `matching` of 40 rules; the second one is in shadow, and is named last.

    Args:
        matching: how many.
        where: by a column of the features, those whose value is above it; none: all.
        asking: whether the rules ask for the actions that they name, and so decide.
    """

    cost_ns = 5.0
    errors = skips = np.zeros(40, np.int64)
    of_entities: Mapping[str, EntityRules] = {}
    waiting: Mapping[str, Waiting] = NOBODY_WAITS
    thresholds: tuple[Threshold, ...] = ()
    lists: tuple[str, ...] = ()
    reads: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, matching: int = 2, where: tuple[int, float] | None = None, asking: bool = False) -> None:
        self.each = [Rule(f"rule_{at}", "2", ("review", "block")[at % 2]) for at in range(40)]
        self._matching = matching
        self._where = where
        self._asking = asking

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        return ()

    def ask_thresholds(self, sight: Sight) -> tuple[Asked, ...]:
        return ()

    def find_many(self, sight: Sight) -> Matches:
        n = len(sight.batch)
        hit = np.ones(n, np.bool_) if self._where is None else sight.features[:, self._where[0]] > self._where[1]
        hit &= sight.decided
        named = min(self._matching, MATCHES_MAX)
        events = np.repeat(np.flatnonzero(hit), named)
        rules = np.tile(sorted(range(named), key=lambda rule: rule == 1), int(hit.sum()))
        found = found_by(Seen(sight.batch.numbers[events, 0].tolist(), rules.tolist()), len(events))
        wanted = np.where(hit & self._asking, np.int8(ACTIONS.index("review")), np.int8(-1))
        return Matches(events, rules, rules == 1, found, hit * np.int64(self._matching), wanted, np.zeros(n), NOTHING_HIDDEN)
