"""Makes the catalogue of a release: its features, and what uses them."""

from features.sets.catalogue import Catalogue, catalogue_of
from patterns.lifecycle.manifest import PATTERN_PREFIX
from pipeline.engine.definitions.release import Release

_RULE = "rule "


def catalogue_of_release(release: Release) -> Catalogue:
    """Returns the features of `release` with the expressions and models that read them."""
    return catalogue_of(release.features, users_of(release))


def users_of(release: Release) -> dict[str, tuple[str, ...]]:
    """What reads features besides expressions, with the names that it reads. Policies read models alone."""
    models = {f"model {model.name}": tuple(model.inputs) for model in release.models}
    return models | {f"{_RULE}{id}": names for id, names in release.rules.reads.items()}


def rule_part(user: str) -> str:
    """Returns the part of a release that is the rule which `users_of` names `user`; '' if it is no rule."""
    return PATTERN_PREFIX + user.removeprefix(_RULE) if user.startswith(_RULE) else ""
