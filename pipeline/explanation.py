"""Why a score is what it is: contributions that add up to it, and reasons in words."""

import numpy as np
from numpy.typing import NDArray

from patterns.policy import ACTIONS
from pipeline.scorer import Verdicts

REASONS_MAX = 3


class Explanations:
    """Contributions of each event's inputs to the score that counted.

    Computed a batch at a time for each model that gave a score: O(inputs) an event.

    Args:
        verdicts: of one batch.
    """

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        self._models = {model.name: model for model in verdicts.release.models}
        self._chosen = verdicts.chosen.tolist()
        self._names = verdicts.release.policy.models
        self._rows: dict[str, list[list[float]]] = {}
        self._values: dict[str, list[list[float]]] = {}
        for position in set(self._chosen) - {-1}:
            name = self._names[position]
            inputs = verdicts.inputs[name]
            self._values[name] = inputs.tolist()
            self._rows[name] = self._contributions(name, inputs).tolist()

    def contributions(self, row: int) -> dict[str, object]:
        """``{model, scale, base, inputs{}}``: base and inputs add up to the score on that scale; empty without a score."""
        if self._chosen[row] < 0:
            return {}
        name = self._names[self._chosen[row]]
        scoring = self._verdicts.scoring.get(name)
        return {
            "model": name,
            "scale": scoring.scale if scoring else "score",
            "base": scoring.base if scoring else 0.0,
            "inputs": dict(zip(self._models[name].inputs, self._rows[name][row], strict=True)),
        }

    def reasons(self, row: int) -> list[str]:
        """What raised the score most, largest first, at most `REASONS_MAX`; none for an approved event."""
        if self._chosen[row] < 0 or self._verdicts.actions[row] == ACTIONS.index("approve"):
            return []
        name = self._names[self._chosen[row]]
        shares = self._rows[name][row]
        inputs = self._models[name].inputs
        values = self._values[name][row]
        largest = sorted(range(len(shares)), key=lambda i: -shares[i])[:REASONS_MAX]
        return [f"{inputs[i].partition('.')[2]} of {values[i]:.6g} is unusual ({name})" for i in largest if shares[i] > 0.0]

    def _contributions(self, name: str, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        scoring = self._verdicts.scoring.get(name)
        if scoring is None:  # a detector of the user's own, on one input: all of the score is that input's
            return self._verdicts.models[name].reshape(-1, 1)
        return scoring.contributions_many(inputs)
