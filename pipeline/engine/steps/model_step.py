"""The second step: detectors and models score the events."""

import numpy as np
from numpy.typing import NDArray

from detectors.missing import without_mostly_missing
from detectors.snapshot import snapshot_key
from features.definitions.event_columns import texts_of
from features.schema.string_hash import words_of
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.keyed_scores import score_keyed
from pipeline.engine.steps.step import Turn

_MODEL_NS, _INPUT_NS = 40.0, 20.0
"""Of a model, and of an input that is brought to it, beside its own arithmetic."""


class ModelStep:
    """Fills what each model saw and said. Detectors with a state for each user learn from each new event after they have scored it; those
    of other entities have done so at the entity's stage, and their scores came with its answers. A model of models gets their raw scores,
    which stand before it.

    Args:
        snapshots: what global models score with.
    """

    name = "models"
    reads: tuple[str, ...] = ("features", "flags")
    fills: tuple[str, ...] = ("models", "probabilities", "inputs", "shares", "snapshots", "scoring")

    def __init__(self, snapshots: InstalledSnapshots) -> None:
        self._snapshots = snapshots

    def cost_ns(self, release: Release) -> float:
        return sum(_MODEL_NS + _INPUT_NS * len(model.inputs) + model.cost_ns for model in release.models)

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        stable = verdicts.release.policy.scale == "stable"
        for model in verdicts.release.models:
            inputs = _inputs_of(model, turn, verdicts)
            verdicts.inputs[model.name] = inputs
            if model.name in turn.answers.scores:
                raw = probability = _scores_of(model, turn.answers.scores[model.name], verdicts)
            elif model.keyed:
                raw = probability = _scores_of(model, self._score_keyed(model, inputs, turn, verdicts), verdicts)
            else:
                raw, probability = self._score_global(model, inputs, turn, verdicts)
            if stable:
                probability = self._on_stable_scale(model, raw, probability, turn, verdicts)
            verdicts.models[model.name], verdicts.probabilities[model.name] = raw, probability

    def _score_keyed(self, model: Model, inputs: NDArray[np.float64], turn: Turn, verdicts: Verdicts) -> NDArray[np.float64]:
        population = self._snapshots.of(snapshot_key(model.name, model.definition), turn.snapshots) if model.category else None
        if population is not None:
            verdicts.snapshots[model.name] = population
        return score_keyed(model, turn.profiles, turn.slots, inputs, verdicts.flags, population)

    def _score_global(
        self, model: Model, inputs: NDArray[np.float64], turn: Turn, verdicts: Verdicts
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        scoring = self._snapshots.of(snapshot_key(model.name, model.definition), turn.snapshots)
        if scoring is None:
            nothing = np.full(len(inputs), np.nan)
            return nothing, nothing
        verdicts.snapshots[model.name] = scoring
        verdicts.scoring[model.name] = scoring
        raw = without_mostly_missing(inputs, scoring.score_many(inputs))
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


def _scores_of(model: Model, said: NDArray[np.float64], verdicts: Verdicts) -> NDArray[np.float64]:
    """Returns the scores [n] of what a detector with a state for each entity says [n, `model.said`], and fills the shares of its inputs."""
    if model.said > 1:
        verdicts.shares[model.name] = said[:, 1:]
    return np.ascontiguousarray(said[:, 0])


def _inputs_of(model: Model, turn: Turn, verdicts: Verdicts) -> NDArray[np.float64]:
    if model.category:
        return words_of(texts_of(model.category, turn.batch, verdicts.release.schema), len(turn.batch))[:, None]
    if model.of:
        return np.column_stack([verdicts.models[name] for name in model.of])
    return model.columns.take(turn.batch.numbers, verdicts.features)
