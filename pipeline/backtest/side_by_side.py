"""Puts the rules in force and those with a candidate beside each other in one release, so that events are scored and matched once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from foundation.content_hash import content_hash
from foundation.number_arrays import Float64s
from foundation.refusal import Refusal
from patterns.language.pattern import Pattern
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, Standing, manifest_text, standings_of
from patterns.matches import Rules
from patterns.rules.rule_set import RuleSet
from pipeline.engine.definitions.part_names import BYPASS
from pipeline.engine.definitions.release import Release, compile_release

ABSENT = -1.0
CANDIDATES_MAX = 100
"""A backtest tries at most so many rules at once."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Holds a release that scores as the one in force, decides as it, and watches the rules of the candidate beside.

    Args:
        release: names all matches of an event.
        rules: those of the release.
        before: [rules] for which share of the entities each acts in force, 0 in shadow; `ABSENT` for a rule that is not in force.
        after: the same with the candidate.
    """

    release: Release
    rules: RuleSet
    before: Float64s
    after: Float64s

    @property
    def changed(self) -> list[int]:
        """Returns the positions of the rules that the candidate brings, moves or takes away."""
        return list(map(int, np.flatnonzero(self.before != self.after)))

    @property
    def candidates(self) -> list[int]:
        """Returns the positions of those that act with the candidate, and not so before."""
        return [at for at in self.changed if self.after[at] > 0.0]

    def pattern(self, at: int) -> Pattern:
        """Returns the rule at a position."""
        return self.rules.rules[at].pattern


def with_candidate(texts: Mapping[str, str], rules: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
    """Returns the `texts` of a release, given by part, with the candidate.

    Args:
        rules: the texts of the candidate's rules by id; they are active, whatever their files say, and take the places of rules with
            their ids.
        without: the ids of rules that are paused.

    Raises:
        Refusal: there is no candidate, there are too many rules, a rule to pause is not there, or is among the candidate's rules.
    """
    standings = dict(standings_of(texts))
    if not rules and not without:
        raise Refusal("no candidate", where="backtest", expected="a rule to try, or one to do without", got="neither")
    if len(rules) > CANDIDATES_MAX:
        raise Refusal("too many rules", where="backtest", expected=f"at most {CANDIDATES_MAX} at once", got=len(rules))
    for id in without:
        if id not in standings or id in rules:
            got = "a rule to try" if id in rules else "a rule that is not there"
            raise Refusal("no rule to do without", where=f"rule {id}", expected="one of " + (", ".join(standings) or "none"), got=got)
        standings[id] = Standing(standings[id].hash, "paused")
    standings |= {id: Standing(content_hash(text), "active") for id, text in rules.items()}
    return {**texts, **{PATTERN_PREFIX + id: text for id, text in rules.items()}, MANIFEST: manifest_text(standings)}


def without_bypass(texts: Mapping[str, str]) -> dict[str, str]:
    """Returns the `texts` of a release without a bypass, under which rules would decide nothing."""
    return {part: text for part, text in texts.items() if part != BYPASS}


def side_by_side(id: int, texts: Mapping[str, str], with_candidate: Mapping[str, str]) -> SideBySide:
    """Compiles the release `id` of `texts` with the rules of `with_candidate` beside it.

    Raises:
        Refusal: one of the two does not compile, or no rule differs that is evaluated.
    """
    before, after = compile_release(id, texts).rules, compile_release(id, with_candidate).rules
    both = compile_release(id, texts, with_candidate)
    if not isinstance(both.rules, RuleSet):
        raise Refusal("no rules", where="backtest", expected="a rule that is evaluated, before or with the candidate", got="none")
    found = SideBySide(both, both.rules, _shares_in(both.rules, before), _shares_in(both.rules, after))
    if not found.changed:
        remedy = "change the text, or see what is lost without a rule: --without ID, or `without` in the request"
        got = "the text that acts already"
        raise Refusal("nothing to try", where="backtest", expected="a rule that is not in force as it is", got=got, remedy=remedy)
    return found


def _shares_in(union: RuleSet, rules: Rules) -> Float64s:
    """Returns for each rule of `union` for which share it acts among `rules`; `ABSENT` where it is not one of them."""
    own = rules.rules if isinstance(rules, RuleSet) else ()
    shares = {(rule.pattern.id, rule.pattern.texts): rule.acting_share for rule in own}
    return np.array([shares.get((rule.pattern.id, rule.pattern.texts), ABSENT) for rule in union.rules])
