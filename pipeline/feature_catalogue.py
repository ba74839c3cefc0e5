"""The catalogue of a release: its features, and who uses them."""

from features.catalogue import Catalogue, catalogue_of
from pipeline.release import Release


def catalogue_of_release(release: Release) -> Catalogue:
    """The features of `release` with the expressions and models that read them."""
    return catalogue_of(release.features, {f"model {model.name}": model.inputs for model in release.models})
