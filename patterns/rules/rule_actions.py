"""What matches of rules do to decisions: which of them act, for which entities, and which action and score they ask for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Float64s, Int8s
from foundation.slices import Slices, each_of
from patterns.decision_order import ACTIONS
from patterns.lifecycle.canary import chosen, seed_of
from patterns.matches import Bools, Rule
from patterns.rules.matched_pairs import MatchedPairs


class Asks(NamedTuple):
    """What m matches ask of n decisions.

    Args:
        shadows: [m] whether the match is only watched.
        wanted: [n] the code of the action that counts before the others that matches ask for; -1 where none asks.
        adjusts: [n] the decades of tail of all matches that act, together.
    """

    shadows: Bools
    wanted: Int8s
    adjusts: Float64s


class RuleActions:
    """Knows what each rule asks for, and for which entities it acts.

    Args:
        seeds: by which each rule chooses entities while it is a canary.
        actions: [rules] the code of the action that each asks for; -1 for none.
        adjusts: [rules] the decades of tail by which each moves the score.
        order: the codes of the actions by which rules may decide, the one that counts before the others first.
    """

    def __init__(self, seeds: Sequence[int], actions: Int8s, adjusts: Float64s, order: Sequence[int]) -> None:
        self._seeds = seeds
        self._actions = actions
        self._adjusts = adjusts
        self._order = tuple(order)

    @classmethod
    def in_slices(cls, rules: Sequence[Rule], order: Sequence[int]) -> Slices["RuleActions"]:
        """Reads in slices what rules ask for, see `foundation.slices`."""
        seeds = yield from each_of(rules, lambda rule: seed_of(rule.pattern))
        actions = yield from each_of(rules, lambda rule: ACTIONS.index(rule.action) if rule.action else -1)
        adjusts = np.array([rule.adjust for rule in rules])
        yield
        return cls(seeds, np.array(actions, np.int8), adjusts, order)

    def asked(self, pairs: MatchedPairs, users: Sequence[str], shares: Float64s) -> Asks:
        """Returns what matches ask of the decisions on n events.

        Args:
            users: [n] of the events.
            shares: [rules] for which share of the entities each rule acts, 0 or less for one that is only watched.
        """
        shadows = self._shadows(pairs, users, shares)
        acting = pairs.at(~shadows)
        wanted = self._wanted(acting, len(users))
        return Asks(shadows, wanted, np.bincount(acting.events, self._adjusts[acting.rules], len(users)).astype(np.float64))

    def decides(self, pairs: MatchedPairs, wanted: Int8s) -> Bools:
        """Tells of each match whether its rule asks for the action that counts for its event; `wanted`: see `Asks`."""
        asked: Bools = (wanted[pairs.events] >= 0) & (self._actions[pairs.rules] == wanted[pairs.events])
        return asked

    def _shadows(self, pairs: MatchedPairs, users: Sequence[str], of_rules: Float64s) -> Bools:
        """Tells of each match whether it is only watched: of a canary those of entities that it has not chosen."""
        shares = of_rules[pairs.rules]
        shadows: Bools = shares <= 0.0
        for rule in np.unique(pairs.rules[(shares > 0.0) & (shares < 1.0)]).tolist():
            own = np.flatnonzero(pairs.rules == rule)
            shadows[own] = ~chosen(self._seeds[rule], float(of_rules[rule]), [users[row] for row in pairs.events[own].tolist()])
        return shadows

    def _wanted(self, acting: MatchedPairs, n: int) -> Int8s:
        wanted = np.full(n, -1, np.int8)
        for action in reversed(self._order):
            wanted[acting.events[self._actions[acting.rules] == action]] = action
        return wanted
