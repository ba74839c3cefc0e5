"""The second step: detectors and models score the events."""

import numpy as np
from numpy.typing import NDArray

from detectors.missing import are_mostly_missing
from detectors.snapshot import snapshot_key
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.models import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.keyed_scores import score_keyed
from pipeline.engine.steps.step import Turn

_MODEL_NS, _INPUT_NS = 40.0, 20.0
"""Of a model, and of an input that is brought to it, beside its own arithmetic."""


class ModelStep:
    """Fills what each model saw and said. Detectors with a state for each user learn from each new event after they have scored it; those
    of other entities have done so at the entity's stage, and their scores came with its answers.

    Args:
        snapshots: what global models score with.
    """

    name = "models"
    reads: tuple[str, ...] = ("features", "flags")
    fills: tuple[str, ...] = ("models", "probabilities", "inputs", "snapshots", "scoring")

    def __init__(self, snapshots: InstalledSnapshots) -> None:
        self._snapshots = snapshots

    def cost_ns(self, release: Release) -> float:
        return sum(_MODEL_NS + _INPUT_NS * len(model.inputs) + model.cost_ns for model in release.models)

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        stable = verdicts.release.policy.scale == "stable"
        for model in verdicts.release.models:
            inputs = model.columns.take(turn.batch.numbers, verdicts.features)
            verdicts.inputs[model.name] = inputs
            if model.name in turn.answers.scores:
                raw = probability = turn.answers.scores[model.name]
            elif model.keyed:
                raw = probability = score_keyed(model, turn.profiles, turn.slots, inputs[:, 0], verdicts.flags)
            else:
                raw, probability = self._score_global(model, inputs, turn, verdicts)
            if stable:
                probability = self._on_stable_scale(model, raw, probability, turn, verdicts)
            verdicts.models[model.name], verdicts.probabilities[model.name] = raw, probability

    def _score_global(
        self, model: Model, inputs: NDArray[np.float64], turn: Turn, verdicts: Verdicts
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        scoring = self._snapshots.of(snapshot_key(model.name, model.definition), turn.snapshots)
        if scoring is None:
            nothing = np.full(len(inputs), np.nan)
            return nothing, nothing
        verdicts.snapshots[model.name] = scoring
        verdicts.scoring[model.name] = scoring
        raw = scoring.score_many(inputs)
        missing = are_mostly_missing(inputs)
        if np.count_nonzero(missing):
            raw[missing] = np.nan
        return raw, scoring.probability_many(raw)

    def _on_stable_scale(
        self, model: Model, raw: NDArray[np.float64], probability: NDArray[np.float64], turn: Turn, verdicts: Verdicts
    ) -> NDArray[np.float64]:
        """The scores by the map of the snapshot that gave the raw ones; NaN while there is no map, and where the model was not ready."""
        snapshots = self._snapshots.of(snapshot_key(model.name, model.definition), turn.snapshots)
        if snapshots is None:
            return np.full(len(raw), np.nan)
        verdicts.snapshots[model.name] = snapshots
        scores = snapshots.map_many(raw)
        scores[np.isnan(probability)] = np.nan
        return scores
