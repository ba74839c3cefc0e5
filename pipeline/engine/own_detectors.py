"""Detectors with state for each user: by what their numbers are known, and what they can learn from a user's history."""

from collections.abc import Sequence

from features.definitions.row_column import Origin
from features.profiles.detector_numbers import WarmUp
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from features.sets.warm_up import is_known
from pipeline.engine.models import Model


def cell_of(model: Model) -> str:
    """What the numbers of a detector are known by, in the profile of each user."""
    return model.definition[:12]


def warm_ups_of(models: Sequence[Model], schema: Schema, features: FeatureSet) -> dict[str, WarmUp]:
    """How each detector learns the rows of a user that it is new to; those whose input no row holds are not in it."""
    held = {column.name: column for column in features.plans[schema.user].columns if column.origin is Origin.NUMBER}
    return {
        cell_of(model): WarmUp(model.inputs[0], held[model.inputs[0]].scale, model.keyed.score_learn_many)
        for model in models
        if model.keyed and model.inputs[0] in held
    }


def detectors_that_warm(old: Sequence[Model], new: Sequence[Model], of_old: FeatureSet, of_new: FeatureSet) -> tuple[str, ...]:
    """New or changed detectors of `new`, by name, that begin with nothing for users who were known under `old`.

    Others go on, or have learned what history holds: fields that are retained, or that a feature's window keeps.
    """
    known = {cell_of(model) for model in old if model.keyed}
    began = [model for model in new if model.keyed and cell_of(model) not in known]
    warm = warm_ups_of(began, of_new.schema, of_new)
    user, was = of_new.plans[of_new.schema.user], of_old.plans.get(of_new.schema.user)
    return tuple(model.name for model in began if cell_of(model) not in warm or was is None or not is_known(model.inputs[0], user, was))
