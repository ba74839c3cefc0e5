"""Gives detectors with a state for each entity their sections of profiles, and says what they learn from an entity's history."""

from collections.abc import Sequence

from features.definitions.row_column import Origin
from features.profiles.sections import Section, WarmUp
from features.sets.feature_set import FeatureSet
from features.sets.warm_up import is_known
from pipeline.engine.definitions.model import Model


def sections_of(models: Sequence[Model], features: FeatureSet) -> dict[str, tuple[Section, ...]]:
    """Returns the sections of profiles by kind of entity, which are those of the detectors with a state for each entity.

    A detector that is new to an entity learns from the retained rows of that entity, if they hold its inputs.
    """
    return {kind: tuple(_section(model, features) for model in models if model.keyed and model.kind == kind) for kind in features.kinds}


def _section(model: Model, features: FeatureSet) -> Section:
    assert model.keyed is not None
    columns = features.plans[model.kind].columns
    scales = {each.name: each.scale for each in columns if each.origin in (Origin.NUMBER, Origin.TEXT)}
    held = scales.keys() >= set(model.inputs)
    warm_up = WarmUp(model.inputs, tuple(scales[name] for name in model.inputs), model.keyed.score_learn_many) if held else None
    return Section(model.section, model.keyed.width, warm_up)


def detectors_that_warm(old: Sequence[Model], new: Sequence[Model], of_old: FeatureSet, of_new: FeatureSet) -> tuple[str, ...]:
    """Returns the names of new or changed detectors of `new` that begin with nothing for entities that were known under `old`.

    All others go on, or learn from history: from fields that are retained, or that the window of a feature keeps.
    """
    known = {model.section for model in old if model.keyed}
    began = [model for model in new if model.keyed and model.section not in known]
    return tuple(model.name for model in began if not _learns_history(model, of_old, of_new))


def _learns_history(model: Model, of_old: FeatureSet, of_new: FeatureSet) -> bool:
    was = of_old.plans.get(model.kind)
    has_rows = _section(model, of_new).warm_up is not None
    return has_rows and was is not None and all(is_known(name, of_new.plans[model.kind], was) for name in model.inputs)
