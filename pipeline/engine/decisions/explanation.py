"""A score is explained by contributions that add up to it, and by reasons in words."""

from collections.abc import Iterable
from itertools import repeat, starmap
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import RIVER
from features.schema.batch import Batch
from patterns.policy import ACTIONS
from pipeline.engine.decisions.decider_words import decider_again, with_deciders
from pipeline.engine.decisions.reason_words import name_in_words, reason_of
from pipeline.engine.decisions.reasons import shares_of
from pipeline.engine.decisions.verdicts import REASONS_MAX, UNDECIDED, Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release


class Contributions(msgspec.Struct, gc=False):
    """Says what each input of a model added to its score.

    Args:
        model: the model that gave the score.
        scale: ``log_odds`` or ``score``.
        base: the score of an event of which nothing is known.
        inputs: the share of each input by its name; the shares and `base` add up to the score on `scale`.
    """

    model: str
    scale: str
    base: float
    inputs: Any


class Explanations:
    """Holds what the inputs of each event contributed to the score that counted.

    It is computed for a batch at a time, for each model that gave a score. In arrays it costs O(inputs) an event. Where River itself
    scores, it costs a score for each input, and approved events, which are nearly all, go without.

    Args:
        verdicts: the verdicts on one batch.
        batch: the events.
    """

    def __init__(self, verdicts: Verdicts, batch: Batch) -> None:
        self._verdicts = verdicts
        self._batch = batch
        self._models = verdicts.release.scored_by

    def contributions(self) -> list[Contributions | dict[str, Any]]:
        """Returns the contributions of each row; those of a row without a score are empty. Some have no `inputs`, as said above."""
        found: list[Contributions | dict[str, Any]] = [{}] * len(self._verdicts.chosen)
        chosen = self._verdicts.chosen
        if self._verdicts.any_are(UNDECIDED):  # a duplicate names a model of its own decision, which may have no score now
            chosen = np.where(self._verdicts.are(UNDECIDED), np.int8(-1), chosen)
        for position in sorted({*chosen.tolist()} - {-1}):
            model = self._models[position]
            [rows] = (chosen == position).nonzero()  # a tenth of `flatnonzero`, which is Python
            scoring = self._verdicts.scoring.get(model.name)
            explained = self._explained(model, rows)
            shares = shares_of(self._verdicts, model, explained)
            scale, bases = (scoring.scale, scoring.bases(rows)) if scoring else ("score", self._bases(model, rows, shares))
            inputs: Iterable[Any] = starmap(model.shape, shares.tolist())
            if len(explained) < len(rows):
                known = dict(zip(explained.tolist(), inputs, strict=True))
                inputs = [known.get(row, {}) for row in rows.tolist()]
            made = map(Contributions, repeat(model.name), repeat(scale), bases, inputs)
            for row, contributions in zip(rows.tolist(), made, strict=False):
                found[row] = contributions
        return found

    def _explained(self, model: Model, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the events at `rows` whose inputs are told: all, and where River scores those that are not approved."""
        return rows if model.model not in RIVER else rows[self._verdicts.actions[rows] != ACTIONS.index("approve")]

    def _bases(self, model: Model, rows: NDArray[np.int64], shares: NDArray[np.float64]) -> Iterable[float]:
        """Gives what the shares [rows, inputs] of a detector with a state for each entity lack of its scores."""
        if model.name not in self._verdicts.shares:
            return repeat(0.0)
        bases: list[float] = (self._verdicts.models[model.name][rows] - shares.sum(axis=1)).tolist()
        return bases

    def reasons(self) -> list[list[str]]:
        """Returns for each row what raised its score most, largest first, at most `pipeline.engine.decisions.reasons.REASONS_MAX` texts.

        Before that stands what decided in place of the score: rules, a verdict or an allow list. An event that its score approved has no
        reason. An event without a score has the reason that a model's inputs are mostly missing, where that is so.
        """
        return with_deciders(self._verdicts, self._reasons_of_scores())

    def _reasons_of_scores(self) -> list[list[str]]:
        found: list[list[str]] = [[]] * len(self._verdicts.chosen)
        named = self._verdicts.reasons[:, 0] >= 0
        if not np.count_nonzero(named):
            return found
        for row in np.flatnonzero(named & ~self._verdicts.are(UNDECIDED)).tolist():
            if self._verdicts.chosen[row] < 0:
                found[row] = [_gap_of(self._models[self._verdicts.reasons[row, 0]])]
                continue
            model = self._models[self._verdicts.chosen[row]]
            inputs = [int(position) for position in self._verdicts.reasons[row] if position >= 0]
            found[row] = [reason_of(self._verdicts, self._batch, model, row, at) for at in inputs]
        return found


def reasons_again(release: Release, chosen: int, reasons: NDArray[np.int8], rules: NDArray[np.int16], decider: int) -> list[str]:
    """Returns the reasons of an earlier decision by `release`, of which only the rules or inputs are remembered and not their values.

    Args:
        decider: a code of `patterns.policy.DECIDERS`.
    """
    return [*decider_again(decider), *_remembered(release, chosen, reasons, rules)][:REASONS_MAX]


def _remembered(release: Release, chosen: int, reasons: NDArray[np.int8], rules: NDArray[np.int16]) -> list[str]:
    if rules[0] >= 0:
        return [f"rule {release.rules.each[at].pattern} matched" for at in rules.tolist() if 0 <= at < len(release.rules.each)]
    position = int(reasons[0]) if chosen < 0 else chosen
    if not 0 <= position < len(release.scored_by):
        return []
    model = release.scored_by[position]
    if chosen < 0:
        return [_gap_of(model)]
    return [f"unusual: {name_in_words(release, model.inputs[at])}" for at in reasons.tolist() if 0 <= at < len(model.inputs)]


def _gap_of(model: Model) -> str:
    return f"{model.name} gives no score: more than half of its inputs are missing"
