"""Says in words what decided beside the score: rules with what they found, a verdict, an allow list or an override."""

import numpy as np

from patterns.policy import BY_RULES, DECIDERS
from pipeline.engine.decisions.verdicts import REASONS_MAX, RULES_NAMED_MAX, Verdicts

_VERDICT, _ALLOW_LISTS, _OVERRIDE = (DECIDERS.index(name) for name in ("verdict", "allow_lists", "override"))
_BY_RULES = tuple(DECIDERS.index(name) for name in BY_RULES)


def with_deciders(verdicts: Verdicts, reasons: list[list[str]]) -> list[list[str]]:
    """Returns the reasons of each row with those of its rules, verdict or allow list before them, `REASONS_MAX` in all."""
    policy = verdicts.release.policy
    if policy.verdicts or policy.allow_lists or policy.overrides:
        for row in np.flatnonzero(verdicts.spoken >= 0).tolist():
            reasons[row] = [_spoken(verdicts, row), *reasons[row]][:REASONS_MAX]
    found: dict[int, list[str]] = {}
    for at, row in enumerate(verdicts.matches.events.tolist()):
        if len(found.get(row, ())) < RULES_NAMED_MAX and _speaks(verdicts, at, row):
            found.setdefault(row, []).append(_of_match(verdicts, at))
    for row, texts in found.items():
        reasons[row] = [*texts, *reasons[row]][:REASONS_MAX]
    return reasons


def _speaks(verdicts: Verdicts, at: int, row: int) -> bool:
    """Tells whether a match is a reason of its decision: its rule asks for the action that rules decided, or raised the score that did."""
    if verdicts.matches.shadows[at]:
        return False
    rule = verdicts.release.rules.each[int(verdicts.matches.rules[at])]
    decider = int(verdicts.deciders[row])
    return rule.action == DECIDERS[decider] if decider in _BY_RULES else DECIDERS[decider] == "score" and rule.adjust > 0.0


def _of_match(verdicts: Verdicts, at: int) -> str:
    return f"{verdicts.matches.found.reason(at)} ({verdicts.release.rules.each[int(verdicts.matches.rules[at])].pattern})"


def _spoken(verdicts: Verdicts, row: int) -> str:
    policy, place = verdicts.release.policy, int(verdicts.spoken[row])
    if verdicts.deciders[row] == _VERDICT:
        return f"{policy.verdicts[place].path} decides"
    if verdicts.deciders[row] == _OVERRIDE:
        return f"{policy.overrides[place]} sets the score"
    allowed = policy.allow_lists[place]
    return f"event.{allowed.field} is on the list {allowed.name}"


def decider_again(decider: int) -> list[str]:
    """Returns the reason of an earlier decision that a verdict, an allow list or an override made; which one it was is not remembered."""
    words = {_VERDICT: "a verdict decides", _ALLOW_LISTS: "an allow list decides", _OVERRIDE: "an override sets the score"}
    return [words[decider]] if decider in words else []
