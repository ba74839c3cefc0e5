"""A rule that is evaluated: its text with its standing, how much it weighs beside others, and what its matches say of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foundation.slices import Slices, each_of
from patterns.language.pattern import Pattern
from patterns.lifecycle.manifest import ACTING, WATCHED, Standing
from patterns.matches import Rule
from patterns.severities import SEVERITIES

VERSION_CHARACTERS = 12
"""So many characters of the hash of a rule's text name its version."""


class LiveRule(NamedTuple):
    """A rule that is evaluated, with what it may do."""

    pattern: Pattern
    standing: Standing

    @property
    def acts(self) -> bool:
        """Whether the rule acts, be it for a share of the entities."""
        return self.standing.status in ACTING

    @property
    def acting_share(self) -> float:
        """For which share of the entities the rule acts, in [0, 1]."""
        return {"active": 1.0, "canary": self.standing.share}.get(self.standing.status, 0.0)


def live(rules: Sequence[LiveRule]) -> list[LiveRule]:
    """Returns those of `rules` that are evaluated: neither drafts nor those that are paused or retired."""
    return [rule for rule in rules if rule.standing.status in WATCHED]


def by_weight(rules: Sequence[LiveRule]) -> Slices[tuple[LiveRule, ...]]:
    """Returns rules that act before others, the severest first, then by id."""
    weights = yield from each_of(rules, lambda rule: (not rule.acts) * len(SEVERITIES) - SEVERITIES.index(rule.pattern.severity))
    ids = [rule.pattern.id for rule in rules]
    yield
    by_id = sorted(range(len(rules)), key=ids.__getitem__)
    yield
    ordered_by_weight = np.argsort(np.array(weights, np.int64)[by_id], kind="stable").tolist()
    yield
    ordered = tuple(rules[by_id[at]] for at in ordered_by_weight)
    yield
    return ordered


def said_of(pattern: Pattern) -> Rule:
    """Returns what each match of a rule says of it."""
    then = pattern.then
    asks = (then.action or "", then.adjust, then.tags, then.additions)
    return Rule(pattern.id, pattern.version[:VERSION_CHARACTERS], *asks, pattern.budget, pattern.severity, pattern.suppress)
