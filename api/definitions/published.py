"""The result of an upload: what is new in a release."""

import msgspec

from api.lists.list_shapes import ListChanged
from features.sets.catalogue import NO_DIFFERENCE, Difference, difference
from features.sets.warm_up import features_that_warm
from pipeline.engine.definitions.feature_catalogue import catalogue_of_release
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.own_detectors import detectors_that_warm
from pipeline.engine.definitions.release import Release
from pipeline.engine.definitions.sequences_that_warm import sequences_that_warm
from pipeline.trial.river_cost import RiverCost


class Published(msgspec.Struct, omit_defaults=True):
    """The result of an upload: the release in force and the hashes of its parts. `changed` is false when it had the same texts before.

    `features` names the features that were added, changed and removed. `warming` names those new or changed ones whose history is
    insufficient, which decisions say until it suffices; in it ``model.<name>`` is a new or changed detector with a state for each primary
    entity that starts without a state, and ``pattern.<id>`` a rule whose new or changed sequence begins with nothing. `lists` are the lists
    whose entries came with the definitions. `models` says what new or changed models of River cost, and `warnings` has a sentence for
    each new or changed model that may not be meant as it is.
    """

    release: int
    parts: dict[str, str]
    changed: bool
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    lists: dict[str, ListChanged] = {}
    models: dict[str, RiverCost] = {}
    warnings: tuple[str, ...] = ()


def new_models(current: Release | None, compiled: Release) -> list[Model]:
    """Returns the models that the release in force has not, or has otherwise."""
    known = {model.definition for model in current.models} if current is not None else set()
    return [model for model in compiled.models if model.definition not in known]


def what_changes(current: Release | None, compiled: Release) -> tuple[Difference, tuple[str, ...]]:
    """Returns how the features of `compiled` differ from those of the release in force, and what has too little history in it."""
    if current is None:
        return NO_DIFFERENCE, ()
    old, new = current.features, compiled.features
    detectors = (f"model.{name}" for name in detectors_that_warm(current.models, compiled.models, old, new))
    change = difference(catalogue_of_release(current), catalogue_of_release(compiled))
    rules = (f"pattern.{id}" for id in sequences_that_warm(current, compiled))
    return change, (*features_that_warm(old, new), *detectors, *rules)
