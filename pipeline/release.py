"""A release: the schema, features, models and policy that are in force together."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from features.codec import Cells
from features.feature_set import FeatureSet, read_features
from features.refusal import Refusal
from features.schema import Schema, read_schema
from patterns.policy import Policy, read_policy
from pipeline.models import Model, object_shape, read_models

PARTS = ("schema", "features", "models", "policy")
"""The definitions that a release is made of; each is one YAML file of the same name."""

RELEASE_MAX = (1 << 27) - 1
"""The greatest id: what is remembered of a decision has no room for more."""


@dataclass(frozen=True, slots=True)
class Release:
    """Compiled definitions under one growing id. Immutable; every decision names the one that it was made by.

    `cells` are the detectors with state per user, known by their definitions: another definition begins anew. The shapes are
    Structs that encode as objects by name: of an event's numbers, entities and dimensions, of its features, of the models.
    """

    id: int
    schema: Schema
    features: FeatureSet
    models: tuple[Model, ...]
    policy: Policy
    cells: Cells
    event_shape: type[msgspec.Struct]
    entity_shape: type[msgspec.Struct]
    dimension_shape: type[msgspec.Struct]
    feature_shape: type[msgspec.Struct]
    model_shape: type[msgspec.Struct]

    def entity_kinds(self) -> tuple[str, ...]:
        """Kinds whose answers an event waits for, in the order of their answers."""
        return self.features.kinds[1:]


def content_hash(text: str) -> str:
    """The address of a definition: SHA-256 of its UTF-8 text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def compile_release(id: int, texts: Mapping[str, str]) -> Release:
    """Compiles the YAML `texts`, by part.

    Raises:
        Refusal: a part is missing or does not compile, or the parts do not fit each other.
    """
    for part in PARTS:
        if part not in texts:
            raise Refusal("missing part", where="release", expected=", ".join(PARTS), got=", ".join(sorted(texts)) or "nothing")
    schema = read_schema(texts["schema"], "schema.yaml")
    features = read_features(texts["features"], schema, "features.yaml")
    models = read_models(texts["models"], schema, features, "models.yaml")
    policy = read_policy(texts["policy"], "policy.yaml")
    names = [model.name for model in models]
    for name in policy.models:
        if name not in names:
            raise Refusal("unknown model", where="policy.yaml: score", expected="one of " + ", ".join(names), got=name)
    keys = {
        "Event": schema.columns,
        "Entities": schema.entities,
        "Dimensions": schema.dimensions,
        "Features": features.names,
        "Models": names,
    }
    cells = tuple((model.definition[:12], model.keyed.width) for model in models if model.keyed)
    return Release(id, schema, features, models, policy, cells, *[object_shape(name, own) for name, own in keys.items()])


def with_beginnings(release: Release, began_ms: Mapping[str, int]) -> Release:
    """`release`, whose plans know since when entities of each kind have profiles."""
    plans = {kind: replace(plan, began_ms=began_ms[kind]) for kind, plan in release.features.plans.items()}
    return replace(release, features=replace(release.features, plans=plans))
