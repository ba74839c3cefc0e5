"""Finds the inputs that raised a score most, and packs a decision into the 16 bytes that are remembered beside its event."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.missing import are_mostly_missing
from features.layout.layout import RETRACTED
from features.windows.row_label import CORRECTIONS_MAX
from patterns.policy import ACTIONS, BY_RULES, DECIDERS
from pipeline.engine.decisions.outcome_words import (
    DECIDER_BIT,
    INPUT_BITS,
    ONE_RULE_BIT,
    REASONS_BIT,
    REVISION_BIT,
    RULE_BITS,
    SILENT,
    SUSPECTED,
    pack,
    unusual_of,
)
from pipeline.engine.decisions.verdicts import REASONS_MAX, RULES_NAMED_MAX, UNDECIDED, Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import RELEASE_MAX

REVISION_MAX = CORRECTIONS_MAX + 1
"""The greatest number of a decision on one event, which counts its corrections and its retraction from 0. What is remembered has no
room for more."""
_POSITION_MAX = 126
_APPROVE = ACTIONS.index("approve")
_REASONS = (1 << 21) - 1
_DECIDERS_MAX = 16
_IS_BY_RULES = np.array([at < len(DECIDERS) and DECIDERS[at] in BY_RULES for at in range(_DECIDERS_MAX)])


def shares_of(verdicts: Verdicts, model: Model, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns [rows, inputs]: what each input of `model` added to the score of the events at `rows`."""
    scoring = verdicts.scoring.get(model.name)
    at = rows if len(rows) < len(verdicts.chosen) else slice(None)  # where all are asked for, as nearly always, nothing is copied
    if model.name in verdicts.shares:
        return verdicts.shares[model.name][at]
    if scoring is None:  # a detector with a state for each entity, on one input: all of the score is that input's
        return verdicts.models[model.name][at].reshape(-1, 1)
    return scoring.contributions_many(verdicts.inputs[model.name][at], rows)


def largest(shares: NDArray[np.float64]) -> NDArray[np.int8]:
    """Returns [n, REASONS_MAX]: the positions of the largest shares above 0, largest first; -1 where there are no more."""
    order = np.argsort(-shares, axis=1, kind="stable")[:, :REASONS_MAX]
    raised = np.take_along_axis(shares, order, axis=1) > 0.0
    found = np.full((len(shares), REASONS_MAX), -1, np.int8)
    found[:, : order.shape[1]] = np.where(raised & (order <= _POSITION_MAX), order, -1)
    return found


def find_reasons(verdicts: Verdicts) -> None:
    """Fills the inputs that raised the score most. It does so only for events that are not approved: they are few, so it costs little."""
    found = unusual_of(verdicts.scores, verdicts.actions, _APPROVE)
    if found & SUSPECTED:
        _name_inputs(verdicts)
    if found & SILENT:
        _find_gaps(verdicts)


def _name_inputs(verdicts: Verdicts) -> None:
    suspected = verdicts.actions != _APPROVE
    for position, model in enumerate(verdicts.release.scored_by):
        rows = np.flatnonzero(suspected & (verdicts.chosen == position))
        if len(rows):
            verdicts.reasons[rows] = largest(shares_of(verdicts, model, rows))


def _find_gaps(verdicts: Verdicts) -> None:
    """Fills, for events without a score, the first of the policy's models whose inputs are mostly missing."""
    silent = np.flatnonzero(np.isnan(verdicts.scores) & ~verdicts.are(UNDECIDED | RETRACTED))
    for position, name in reversed(list(enumerate(verdicts.release.policy.models))):
        verdicts.reasons[silent[are_mostly_missing(verdicts.inputs[name][silent])], 0] = position


class Outcomes(NamedTuple):
    """Holds what duplicates of n decisions are answered with, besides the score; see `Verdicts`.

    Where nothing was decided yet, the word and its revision are 0.
    """

    actions: NDArray[np.uint8]
    chosen: NDArray[np.int8]
    reasons: NDArray[np.int8]
    releases: NDArray[np.int64]
    revisions: NDArray[np.int64]
    deciders: NDArray[np.uint8]
    rules: NDArray[np.int16]

    def packed(self) -> NDArray[np.int64]:
        """Packs each decision into a word: 2 bits of action, 6 of the model, 23 of the release, 4 of what decided, 8 of the revision,
        and 21 of reasons.

        The reasons of a decision by rules are two rules of 10 bits each, or one of 20 bits where the first does not fit into 10; a second
        one that does not fit is left out. Those of any other decision are three inputs of the model of 7 bits each. In words from before
        it was recorded what decided the four bits are 0, because no release had a number that reached so far.
        """
        words = np.empty(len(self.actions), np.int64)
        pack(self.actions, self.chosen, self.reasons, self.releases, self.revisions, self.deciders, self.rules, _IS_BY_RULES, words)
        return words

    @staticmethod
    def unpacked(words: NDArray[np.int64]) -> "Outcomes":
        """Unpacks what `packed` packed, except the inputs of decisions by rules and the rules of all others."""
        deciders = ((words >> DECIDER_BIT) & 15).astype(np.uint8)
        by_rules = _IS_BY_RULES[deciders]
        named = (words >> REASONS_BIT) & _REASONS
        return Outcomes(
            (words & 3).astype(np.uint8),
            (((words >> 2) & 63) - 1).astype(np.int8),
            _taken_apart(np.where(by_rules, 0, named), REASONS_MAX, INPUT_BITS).astype(np.int8),
            (words >> 8) & RELEASE_MAX,
            (words >> REVISION_BIT) & REVISION_MAX,
            deciders,
            _rules_of(np.where(by_rules, named, 0)),
        )


def _rules_of(words: NDArray[np.int64]) -> NDArray[np.int16]:
    """Returns [n, RULES_NAMED_MAX] positions of rules; -1 where there is none."""
    two = _taken_apart(words, RULES_NAMED_MAX, RULE_BITS)
    alone = words >> ONE_RULE_BIT == 1
    two[alone] = -1
    two[alone, 0] = (words[alone] & (1 << ONE_RULE_BIT) - 1) - 1
    return two.astype(np.int16)


def _taken_apart(words: NDArray[np.int64], count: int, bits: int) -> NDArray[np.int64]:
    """Returns [n, count], the positions that `_put_together` was given."""
    return np.stack([(words >> bits * place & (1 << bits) - 1) - 1 for place in range(count)], axis=1)
