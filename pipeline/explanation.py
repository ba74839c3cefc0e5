"""Why a score is what it is: contributions that add up to it, and reasons in words."""

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
        self._chosen = verdicts.chosen.tolist()
        self._approved = (verdicts.actions == ACTIONS.index("approve")).tolist()
        self._parts: list[_Part | None] = [None] * len(verdicts.release.policy.models)
        models = {model.name: model for model in verdicts.release.models}
        for position in set(self._chosen) - {-1}:
            self._parts[position] = _Part(verdicts, models[verdicts.release.policy.models[position]])

    def contributions(self, row: int) -> Contributions | dict[str, Any]:
        """Empty without a score."""
        part = self._parts[self._chosen[row]] if self._chosen[row] >= 0 else None
        if part is None:
            return {}
        return Contributions(part.model.name, part.scale, part.base, part.model.shape(*part.shares[row]))

    def reasons(self, row: int) -> list[str]:
        """What raised the score most, largest first, at most `REASONS_MAX`; none for an approved event."""
        part = self._parts[self._chosen[row]] if self._chosen[row] >= 0 and not self._approved[row] else None
        if part is None:
            return []
        shares, inputs = part.shares[row], part.model.inputs
        largest = sorted(range(len(shares)), key=lambda i: -shares[i])[:REASONS_MAX]
        values = self._verdicts.inputs[part.model.name][row]
        return [f"{inputs[i].partition('.')[2]} of {values[i]:.6g} is unusual ({part.model.name})" for i in largest if shares[i] > 0.0]


class _Part:
    """One model's share in explaining a batch."""

    def __init__(self, verdicts: Verdicts, model: Model) -> None:
        scoring = verdicts.scoring.get(model.name)
        self.model = model
        self.scale = scoring.scale if scoring else "score"
        self.base = scoring.base if scoring else 0.0
        # Of a detector of the user's own, on one input, all of the score is that input's.
        alone = verdicts.models[model.name].reshape(-1, 1)
        shares: NDArray[np.float64] = alone if scoring is None else scoring.contributions_many(verdicts.inputs[model.name])
        self.shares: list[list[float]] = shares.tolist()
