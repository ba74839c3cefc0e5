"""Makes the catalogue of a release: its features, and what uses them."""

from features.sets.catalogue import Catalogue, catalogue_of
from pipeline.engine.definitions.release import Release


def catalogue_of_release(release: Release) -> Catalogue:
    """Returns the features of `release` with the expressions and models that read them."""
    return catalogue_of(release.features, users_of(release))


def users_of(release: Release) -> dict[str, tuple[str, ...]]:
    """What reads features besides expressions, with the names that it reads. Policies read models alone."""
    return {f"model {model.name}": tuple(model.inputs) for model in release.models}
