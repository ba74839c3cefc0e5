"""Why a score is what it is: contributions that add up to it, and reasons in words."""

from itertools import repeat, starmap
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from patterns.policy import ACTIONS
from pipeline.models import Model
from pipeline.scorer import Verdicts

REASONS_MAX = 3


class Contributions(msgspec.Struct, gc=False):
    """What each input of a model added to its score.

    Args:
        model: that gave the score.
        scale: ``log_odds`` or ``score``.
        base: of an event of which nothing is known.
        inputs: by name; they and `base` add up to the score on `scale`.
    """

    model: str
    scale: str
    base: float
    inputs: Any


class Explanations:
    """Contributions of each event's inputs to the score that counted.

    Computed a batch at a time for each model that gave a score: O(inputs) an event.

    Args:
        verdicts: of one batch.
    """

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        models = {model.name: model for model in verdicts.release.models}
        chosen = [(models[name], np.flatnonzero(verdicts.chosen == at)) for at, name in enumerate(verdicts.release.policy.models)]
        self._parts = [_Part(verdicts, model, rows) for model, rows in chosen if len(rows)]

    def contributions(self) -> list[Contributions | dict[str, Any]]:
        """One a row; empty without a score."""
        found: list[Contributions | dict[str, Any]] = [{}] * len(self._verdicts.chosen)
        for part in self._parts:
            shapes = starmap(part.model.shape, part.shares.tolist())
            made = map(Contributions, repeat(part.model.name), repeat(part.scale), repeat(part.base), shapes)
            for row, contributions in zip(part.rows.tolist(), made, strict=False):
                found[row] = contributions
        return found

    def reasons(self) -> list[list[str]]:
        """What raised each score most, largest first, at most `REASONS_MAX`; none for an approved event."""
        found: list[list[str]] = [[]] * len(self._verdicts.chosen)
        approved = self._verdicts.actions == ACTIONS.index("approve")
        for part in self._parts:
            for place in np.flatnonzero(~approved[part.rows]).tolist():
                found[part.rows[place]] = part.reasons(place)
        return found


class _Part:
    """One model's share in explaining a batch: that of the rows whose score it gave."""

    def __init__(self, verdicts: Verdicts, model: Model, rows: NDArray[np.int64]) -> None:
        scoring = verdicts.scoring.get(model.name)
        self.model = model
        self.rows = rows
        self.scale = scoring.scale if scoring else "score"
        self.base = scoring.base if scoring else 0.0
        self._inputs = verdicts.inputs[model.name][rows]
        # Of a detector of the user's own, on one input, all of the score is that input's.
        alone = verdicts.models[model.name][rows].reshape(-1, 1)
        self.shares: NDArray[np.float64] = alone if scoring is None else scoring.contributions_many(self._inputs)

    def reasons(self, place: int) -> list[str]:
        shares, values, names = self.shares[place].tolist(), self._inputs[place], self.model.inputs
        largest = sorted(range(len(shares)), key=lambda i: -shares[i])[:REASONS_MAX]
        return [f"{names[i].partition('.')[2]} of {values[i]:.6g} is unusual ({self.model.name})" for i in largest if shares[i] > 0.0]
