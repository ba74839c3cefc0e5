"""What decides beside the score: verdicts on entities, allow lists and rules, in the order of the policy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.definitions.event_columns import texts_of
from patterns.decision_order import AllowList, Verdict
from patterns.policy import ACTIONS, DECIDERS, Policy
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.steps.step import Turn

Codes = NDArray[np.int8]
_NOBODY = -1


def adjust(scores: NDArray[np.float64], decades: NDArray[np.float64]) -> None:
    """Multiplies 1 - score by 10 to the power of -decades, so that a score stays in [0, 1]; a missing score stays missing."""
    at = np.flatnonzero(decades)
    if len(at):
        scores[at] = 1.0 - np.minimum((1.0 - scores[at]) * 10.0 ** -decades[at], 1.0)


def override(turn: Turn, verdicts: Verdicts) -> Codes:
    """Puts what somebody has set for an entity in the place of scores; an override outside of 0 to 1 counts as the nearer of these.

    Returns [n] which of the policy's overrides counts for each event; -1 where none does.
    """
    places = np.full(len(verdicts.scores), _NOBODY, np.int8)
    facts = turn.facts(verdicts.release)
    for place, path in reversed(list(enumerate(verdicts.release.policy.overrides))):
        known = facts.get(path)
        if known is not None:
            places[~np.isnan(known) & ~verdicts.are(UNDECIDED)] = place
            verdicts.scores[places == place] = np.clip(known[places == place], 0.0, 1.0)
    return places


def speak(turn: Turn, verdicts: Verdicts) -> None:
    """Lets those who come before the score in the policy's order decide.

    It fills actions, deciders, and in `spoken` which of the policy's verdicts or allow lists decided.
    """
    policy = verdicts.release.policy
    matched = len(verdicts.matches.events) > 0 and bool(np.count_nonzero(verdicts.matches.wanted >= 0))
    if not matched and not policy.verdicts and not policy.allow_lists:
        return
    for speaker in reversed(policy.order.speakers[:-1]):
        if speaker == "verdict" and policy.verdicts:
            _let_verdicts(turn, verdicts, policy)
        elif speaker == "allow_lists" and policy.allow_lists:
            _let_allow_lists(turn, verdicts, policy)
        elif speaker in ACTIONS and matched:
            _let_rules(speaker, verdicts, policy)


def _let_rules(speaker: str, verdicts: Verdicts, policy: Policy) -> None:
    action = ACTIONS.index(speaker)
    decided = verdicts.matches.wanted == action
    if policy.order.strongest:
        decided &= verdicts.actions <= action
    verdicts.actions[decided] = action
    verdicts.deciders[decided] = DECIDERS.index(speaker)
    verdicts.spoken[decided] = _NOBODY


def _let_verdicts(turn: Turn, verdicts: Verdicts, policy: Policy) -> None:
    facts = turn.facts(verdicts.release)
    for place, verdict in reversed(list(enumerate(policy.verdicts))):
        actions = _actions_of(verdict, facts, len(verdicts.actions))
        decided = actions != _NOBODY
        verdicts.actions[decided] = actions[decided]
        verdicts.deciders[decided] = DECIDERS.index("verdict")
        verdicts.spoken[decided] = place


def _actions_of(verdict: Verdict, facts: Mapping[str, NDArray[np.float64]], n: int) -> Codes:
    """Returns [n] the code of the action that a fact asks for; -1 where it is missing or has another value."""
    actions = np.full(n, _NOBODY, np.int8)
    known = facts.get(verdict.path)
    if known is not None:
        for number, (_, action) in verdict.actions.items():
            actions[known == number] = action
    return actions


def _let_allow_lists(turn: Turn, verdicts: Verdicts, policy: Policy) -> None:
    for place, allowed in reversed(list(enumerate(policy.allow_lists))):
        decided = _on_list(allowed, turn, verdicts)
        verdicts.actions[decided] = ACTIONS.index("approve")
        verdicts.deciders[decided] = DECIDERS.index("allow_lists")
        verdicts.spoken[decided] = place


def _on_list(allowed: AllowList, turn: Turn, verdicts: Verdicts) -> NDArray[np.bool_]:
    """Tells which events have a value that is on the list; a missing value is on none."""
    batch = turn.batch
    if turn.lists is None:
        return np.zeros(len(batch), np.bool_)
    values = texts_of(allowed.field, batch, verdicts.release.schema)
    given = np.fromiter(map(bool, values), np.bool_, len(batch))
    return turn.lists.contains(allowed.name, [value or "" for value in values], batch.times_ms) & given & ~verdicts.are(UNDECIDED)
