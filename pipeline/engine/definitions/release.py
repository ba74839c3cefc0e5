"""Compiles a release: the schema, features, models and policy that are in force together, and the lists that it declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from alerts.cases.case_policy import NO_CASES, CasePolicy
from alerts.cases.case_reader import read_cases
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.alert_reader import read_alerts
from alerts.policy.standing_kinds import with_standing
from features.profiles.sections import Section
from features.schema.schema import Schema, read_schema
from features.sets.feature_set import FeatureSet, read_features
from foundation.refusal import Refusal
from foundation.slices import Slices, completed, parts_of
from patterns.bypass import Bypass, bypassed, read_bypass
from patterns.language.rule_folder import check_id
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX
from patterns.lists import LIST_PREFIX, check_name, list_names
from patterns.matches import NO_RULES, Rules
from patterns.policy import Policy, read_policy
from patterns.thresholds.threshold import SEEN
from pipeline.engine.definitions.champions import (
    CHAMPIONS,
    ChallengingModel,
    Champion,
    champions_in,
    check_challengers,
)
from pipeline.engine.definitions.compiled_parts import once_each
from pipeline.engine.definitions.model import Model, object_shape
from pipeline.engine.definitions.models import read_models
from pipeline.engine.definitions.own_detectors import sections_of
from pipeline.engine.definitions.part_names import ALERTS, BYPASS, CASES, PARTS
from pipeline.engine.definitions.rules import Around, rules_in_slices

PARTS_KEPT = 8
"""So many schemas, sets of features, sets of models and policies each are remembered by their texts, compiled or refused."""

RELEASE_MAX = (1 << 23) - 1
"""The greatest id of a release: what is remembered of a decision has no room for more."""


@dataclass(frozen=True, slots=True)
class Release:
    """Holds compiled definitions under one growing id. It is immutable, and every decision names the release that made it.

    `sections` are what profiles keep beside windows, by kind of entity; a kind that is not in it has none. The shapes are
    Structs that encode as objects by name: of an event's numbers, entities and dimensions, of its features, of the models. `policy`
    decides as `bypass` has it. `lists` are the names of the lists that it declares; their entries are records of their own. `rules` are
    what the rule step looks for. `alerts` are the kinds of alerts that its decisions make, and `cases` says which of them open cases.
    `champions` are the challengers that were promoted, by their places in the policy's score; `policy` names them in these places.
    `scored_by` are the models of the policy's score, in its order.
    `of_entities` are the models that run at the stage of other entities than users, by kind and in the order of their scores.
    `answer_widths` says how many numbers entities of each kind answer with, see `pipeline.engine.decisions.answers`.
    """

    id: int
    schema: Schema
    features: FeatureSet
    models: tuple[Model, ...]
    policy: Policy
    sections: Mapping[str, tuple[Section, ...]]
    event_shape: type[msgspec.Struct]
    entity_shape: type[msgspec.Struct]
    dimension_shape: type[msgspec.Struct]
    feature_shape: type[msgspec.Struct]
    model_shape: type[msgspec.Struct]
    bypass: Bypass = field(default_factory=Bypass)
    lists: tuple[str, ...] = ()
    rules: Rules = NO_RULES
    alerts: tuple[AlertDefinition, ...] = ()
    cases: CasePolicy = NO_CASES
    champions: Mapping[str, Champion] = field(default_factory=dict)
    scored_by: tuple[Model, ...] = field(init=False)
    of_entities: Mapping[str, tuple[Model, ...]] = field(init=False)
    answer_widths: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        models = {model.name: model for model in self.models}
        object.__setattr__(self, "scored_by", tuple(models[name] for name in self.policy.models))
        apart = [model for model in self.models if model.own is not None]
        kinds = dict.fromkeys(model.kind for model in apart)
        object.__setattr__(self, "of_entities", {kind: tuple(each for each in apart if each.kind == kind) for kind in kinds})
        object.__setattr__(self, "answer_widths", {kind: self._answer_width(kind) for kind in self.features.kinds})

    def _answer_width(self, kind: str) -> int:
        rules = self.rules.of_entities.get(kind)
        told = len(self.schema.facts_of(kind)) + (0 if rules is None else SEEN * len(rules.thresholds) + rules.width)
        return len(self.features.columns[kind]) + sum(model.said for model in self.of_entities.get(kind, ())) + told + 1

    @property
    def lists_read(self) -> frozenset[str]:
        """The lists that features, rules and the policy ask."""
        return frozenset(self.features.lists_read()).union(self.rules.lists, (each.name for each in self.policy.allow_lists))

    def entity_kinds(self) -> tuple[str, ...]:
        """The kinds of entities whose answers an event waits for, in the order of their answers."""
        return self.features.kinds[1:]


def compile_release(id: int, texts: Mapping[str, str], beside: Mapping[str, str] | None = None) -> Release:
    """Compiles the YAML `texts`, given by part. A part that was compiled lately over the same other parts is not compiled again.

    Args:
        beside: of a release with the same parts but for its rules; those that `texts` have not are watched too, see `rules_in_slices`.

    Raises:
        Refusal: a part is missing, unknown or does not compile, or the parts do not fit each other.
    """
    return completed(release_in_slices(id, texts, beside))


def release_in_slices(id: int, texts: Mapping[str, str], beside: Mapping[str, str] | None = None) -> Slices[Release]:
    """Does what `compile_release` does in slices, see `foundation.slices`: a part that is no rule is one, and a rule is one."""
    for some in parts_of(list(texts)):
        for part in some:
            check_part(part)
        yield
    for part in PARTS:
        if part not in texts:
            raise Refusal("missing part", where="release", expected=", ".join(PARTS), got=", ".join(sorted(texts)) or "nothing")
    schema = schema_of(texts["schema"])
    yield
    features = features_of(texts["features"], texts["schema"])
    yield
    models = models_of(texts["models"], texts["features"], texts["schema"])
    yield
    names = tuple(model.name for model in models)
    lists = tuple(list_names(texts))
    policy = _policy_of(texts["policy"], names, texts["schema"], lists)
    challengers = [ChallengingModel(model.name, model.challenges, model.of) for model in models]
    check_challengers(challengers, policy.models)
    champions = champions_in(texts, policy.models, challengers)
    policy = replace(policy, models=tuple(champions[place].model if place in champions else place for place in policy.models))
    keys = {
        "Event": schema.columns,
        "Entities": schema.entities,
        "Dimensions": schema.dimensions,
        "Features": features.names,
        "Models": names,
    }
    bypass = read_bypass(texts[BYPASS]) if BYPASS in texts else Bypass()
    event, entity, dimension, feature, model = (object_shape(name, own) for name, own in keys.items())
    policy = bypassed(policy, bypass)
    _check_lists(features, lists)
    heard = tuple(model.name for model in models if not model.challenges)  # a rule that reads a challenger would let it act
    around = Around((texts["schema"], texts["features"]), schema, features, heard)
    yield
    rules = yield from rules_in_slices(texts, around, lists, policy.order.rule_actions, beside)
    features = features.with_kinds(rules.of_entities)
    sections = sections_of(models, features)
    sections = {kind: (*own, *rules.sections_of(kind)) for kind, own in sections.items()}
    ids = [part.removeprefix(PATTERN_PREFIX) for part in texts if part.startswith(PATTERN_PREFIX)]
    kinds = (schema.user, *schema.entities)
    alerts = read_alerts(texts[ALERTS], "alerts.yaml", kinds, ids) if ALERTS in texts else ()
    known = (kinds, ids, with_standing(alerts), schema, lists)
    cases = read_cases(texts[CASES], "cases.yaml", *known) if CASES in texts else NO_CASES
    shapes = (event, entity, dimension, feature, model)
    return Release(id, schema, features, models, policy, sections, *shapes, bypass, lists, rules, alerts, cases, champions)


def _check_lists(features: FeatureSet, lists: tuple[str, ...]) -> None:
    """Refuses an expression that reads a list which the release does not declare; names line and column of its feature."""
    for name, section in features.lists_read().items():
        if name not in lists:
            remedy = f"declare it: lists/{name}.txt in the folder, or PUT /v1/lists/{name}"
            section.at("expression").refuse(
                "unknown list", "one of " + (", ".join(lists) or "the release's lists: none"), f"list.{name}", remedy
            )


@once_each(PARTS_KEPT)
def schema_of(schema: str) -> Schema:
    """Compiles the YAML text of a schema, unless it was compiled lately.

    Raises:
        Refusal: the text does not compile.
    """
    return read_schema(schema, "schema.yaml")


@once_each(PARTS_KEPT)
def features_of(features: str, schema: str) -> FeatureSet:
    """Compiles the YAML text of features over events of the schema with the YAML text `schema`, unless that was done lately.

    Raises:
        Refusal: one of the two does not compile.
    """
    return read_features(features, schema_of(schema), "features.yaml")


@once_each(PARTS_KEPT)
def models_of(models: str, features: str, schema: str) -> tuple[Model, ...]:
    """Compiles the YAML text of models over such features, unless that was done lately.

    Raises:
        Refusal: one of the three does not compile.
    """
    return read_models(models, schema_of(schema), features_of(features, schema), "models.yaml")


@once_each(PARTS_KEPT)
def _policy_of(policy: str, models: tuple[str, ...], schema: str, lists: tuple[str, ...]) -> Policy:
    return read_policy(policy, "policy.yaml", models, schema_of(schema), lists)


def check_part(part: str) -> None:
    """Returns the name of a part if a release may have it.

    Raises:
        Refusal: a release has no part of that name.
    """
    if part.startswith(LIST_PREFIX):
        check_name(part.removeprefix(LIST_PREFIX))
    elif part.startswith(PATTERN_PREFIX):
        check_id(part.removeprefix(PATTERN_PREFIX))
    elif part not in (*PARTS, BYPASS, MANIFEST, CHAMPIONS, ALERTS, CASES):
        expected = ", ".join((*PARTS, BYPASS, MANIFEST, CHAMPIONS, ALERTS, CASES, LIST_PREFIX + "<name>", PATTERN_PREFIX + "<id>"))
        raise Refusal("unknown part", where="release", expected=expected, got=part)


def with_beginnings(release: Release, began_ms: Mapping[str, int]) -> Release:
    """Returns `release` with plans that know since when entities of each kind have profiles; what rules alone need has no windows."""
    plans = {kind: replace(plan, began_ms=began_ms.get(kind, plan.began_ms)) for kind, plan in release.features.plans.items()}
    return replace(release, features=replace(release.features, plans=plans))
