"""models.yaml: which detectors run, on which inputs, and how they learn."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from detectors.catalogue import KEYED_OF_ROWS, LEARNERS, POPULATIONS, learner_of
from features.schema.schema import NAME_CHARACTERS_MAX, Schema
from features.sets.feature_set import FeatureSet
from foundation.document import Section, read_document
from pipeline.engine.definitions.boosted_model import FIELDS as FIELDS_OF_BOOSTED
from pipeline.engine.definitions.boosted_model import KIND as BOOSTED
from pipeline.engine.definitions.boosted_model import MODEL as BOOSTED_MODEL
from pipeline.engine.definitions.boosted_model import Boosted, read_boosted
from pipeline.engine.definitions.combined_model import (
    COMBINE,
    FEATURE,
    FIELDS_OF_COMBINE,
    FIELDS_OF_FEATURE,
    MODEL_OF_ALL,
    MODEL_OF_KEYS,
    combining_model,
    read_combined,
)
from pipeline.engine.definitions.model import InputColumns, Model, object_shape
from pipeline.engine.definitions.model_detector import Detector, detector_named, detector_of
from pipeline.engine.definitions.model_inputs import (
    EVENT,
    KnownInputs,
    columns_of,
    own_columns,
    read_categories,
    read_input,
    read_inputs,
    refuse_forbidden,
)
from pipeline.engine.definitions.model_labels import ALL_LABELS, ModelLabels, read_model_labels

MODELS_MAX = 256
"""Of a release."""
_CHALLENGES = "challenges"
_MODEL = "model."
_FORBIDDEN = "forbidden"
_FIELDS = ("name", "kind", "scope", "learns", "inputs", "sample", "labels", _FORBIDDEN, _CHALLENGES)
_SAY_NOTHING = (_CHALLENGES, _FORBIDDEN)
"""Fields that change nothing of what a model learns."""
_FIELDS_OF_RIVER = ("model", "parameters", "publish_every", "learns_from")


def read_models(text: str, schema: Schema, features: FeatureSet, source: str = "models.yaml") -> tuple[Model, ...]:
    """Compiles models.yaml.

    Raises:
        Refusal: with line and column, for anything unknown, missing or out of range.
    """
    models: list[Model] = []
    known = KnownInputs(schema, features)
    for section in read_document(text, source).items():
        if len(models) == MODELS_MAX:
            section.refuse("too many models", f"at most {MODELS_MAX}", str(MODELS_MAX + 1))
        model = _read_model(section, known, {model.name: model.definition for model in models})
        if section.has(_FORBIDDEN):
            refuse_forbidden(section.at(_FORBIDDEN), section.at("inputs"), model.inputs, known)
        if section.has(_CHALLENGES):
            model = replace(model, challenges=section.at(_CHALLENGES).text())
        if any(other.name == model.name for other in models):
            section.at("name").refuse("name given twice", "a name of its own for each model", model.name)
        models.append(model)
    return tuple(models)


def _read_model(section: Section, known: KnownInputs, earlier: Mapping[str, str]) -> Model:
    written = section.at("kind").choice(("river", BOOSTED, FEATURE, COMBINE)) if section.has("kind") else "river"
    if written == BOOSTED:
        return _read_boosted(section, known)
    if written == FEATURE:
        return _read_feature(section, known)
    if written == COMBINE:
        return _read_combined(section, known, earlier)
    return _read_river(section, known)


def _read_river(section: Section, known: KnownInputs) -> Model:
    section.only(*_FIELDS, *_FIELDS_OF_RIVER)
    kind = _kind(section, known)
    keyed = kind != ""
    name = _name(section.at("name"))
    of_text = keyed and not section.at("model").is_list() and section.at("model").text() in POPULATIONS
    inputs = read_categories(section.at("inputs"), known.schema) if of_text else read_inputs(section.at("inputs"), name, known)
    if not inputs:
        section.at("inputs").refuse("wrong number of inputs", "at least one input")
    detector = detector_of(section, keyed, len(inputs))
    if keyed and detector.model not in KEYED_OF_ROWS and len(inputs) != 1:
        section.at("inputs").refuse("wrong number of inputs", f"one input of {detector.model}")
    labelled = not keyed and bool(learner_of(detector.model).labelled)
    if section.has("learns") and (section.at("learns").choice(("labels", "events")) == "labels") != labelled:
        section.at("learns").refuse("cannot learn so", f"learns: {'labels' if labelled else 'events'} for {detector.model}")
    return _model(
        section,
        known,
        detector,
        inputs,
        columns_of(() if of_text else inputs, known.places),
        kind=kind,
        own=own_columns(section.at("inputs").items(), inputs, known.places_at(kind), kind) if _elsewhere(kind, known) else None,
        labelled=labelled,
        labels=_labels(section, labelled, known),
        approved_only=_approved_only(section, labelled or keyed),
        category=inputs[0].removeprefix(EVENT) if of_text else "",
    )


def _read_boosted(section: Section, known: KnownInputs) -> Model:
    section.only(*_FIELDS, *FIELDS_OF_BOOSTED)
    for field, only in (("scope", "global"), ("learns", "labels")):
        if section.has(field):
            section.at(field).choice((only,))
    inputs = read_inputs(section.at("inputs"), _name(section.at("name")), known)
    if not inputs:
        section.at("inputs").refuse("wrong number of inputs", "at least one input")
    boosted = read_boosted(section, inputs)
    detector = Detector(BOOSTED_MODEL, {}, boosted.cost_ns)
    labels = _labels(section, True, known)
    return _model(section, known, detector, inputs, columns_of(inputs, known.places), labelled=True, labels=labels, boosted=boosted)


def _read_feature(section: Section, known: KnownInputs) -> Model:
    section.only(*FIELDS_OF_FEATURE, _CHALLENGES)
    kind, of = _kind(section, known), section.at("of")
    inputs = (read_input(of, _name(section.at("name")), known),)
    own = own_columns([of], inputs, known.places_at(kind), kind) if _elsewhere(kind, known) else None
    detector = detector_named(section, MODEL_OF_KEYS if kind else MODEL_OF_ALL, kind != "", 1)
    return _model(section, known, detector, inputs, columns_of(inputs, known.places), kind=kind, own=own)


def _read_combined(section: Section, known: KnownInputs, earlier: Mapping[str, str]) -> Model:
    section.only(*FIELDS_OF_COMBINE, _CHALLENGES)
    model = combining_model(section)
    of = read_combined(section.at("of"), earlier)
    detector = detector_named(section, model, False, len(of))
    inputs = tuple(f"{_MODEL}{name}" for name in of)
    behind = [earlier[name] for name in of]
    labelled = bool(LEARNERS[model].labelled)
    return _model(section, known, detector, inputs, columns_of((), known.places), labelled=labelled, of=of, behind=behind)


def _model(
    section: Section,
    known: KnownInputs,
    detector: Detector,
    inputs: tuple[str, ...],
    columns: InputColumns,
    *,
    kind: str = "",
    own: InputColumns | None = None,
    labelled: bool = False,
    labels: ModelLabels = ALL_LABELS,
    approved_only: bool = False,
    boosted: Boosted | None = None,
    of: tuple[str, ...] = (),
    behind: Sequence[str] = (),
    category: str = "",
) -> Model:
    """The model of any kind, by what its kind says of it and by the fields that all kinds have.

    Args:
        behind: the definitions of models that are inputs. All else is as in `Model`.
    """
    return Model(
        name=_name(section.at("name")),
        model=detector.model,
        parameters=detector.parameters,
        keyed=detector.keyed,
        kind=kind,
        labelled=labelled,
        inputs=inputs,
        publish_every_ms=_publish_every_ms(section) if boosted is None else boosted.retrain_ms,
        sample=_sample(section),
        definition=_definition(section, inputs, known.features, behind),
        columns=columns,
        own=own,
        cost_ns=detector.cost_ns,
        shape=object_shape("Inputs", inputs),
        labels=labels,
        approved_only=approved_only,
        boosted=boosted,
        of=of,
        category=category,
    )


def _labels(section: Section, labelled: bool, known: KnownInputs) -> ModelLabels:
    if not section.has("labels"):
        return ALL_LABELS
    if not labelled:
        section.at("labels").refuse("labels of a model that learns from events", "no labels here")
    return read_model_labels(section.at("labels"), known.schema.label_sources)


def _approved_only(section: Section, learns_elsewhere: bool) -> bool:
    if not section.has("learns_from"):
        return False
    approved = section.at("learns_from").choice(("all", "approved")) == "approved"
    if approved and learns_elsewhere:
        section.at("learns_from").refuse(
            "approved events of a model that does not learn from all", "a global model that learns from events"
        )
    return approved


def _publish_every_ms(section: Section) -> int:
    return section.at("publish_every").duration_ms() if section.has("publish_every") else 3_600_000


def _sample(section: Section) -> float:
    return section.at("sample").number(0.0, 1.0) if section.has("sample") else 1.0


def _definition(section: Section, inputs: tuple[str, ...], features: FeatureSet, models: Sequence[str] = ()) -> str:
    """What was learned of a feature says nothing of another one under the same name: so the features count too, and those behind, and the
    definitions of models that are inputs."""
    read = features.behind([name.removeprefix("feature.") for name in inputs if name.startswith("feature.")])
    plain = section.plain()
    written = {key: value for key, value in plain.items() if key not in _SAY_NOTHING} if isinstance(plain, dict) else plain
    whole = [written, [features.written[name] for name in read], *models]
    return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()


def _kind(section: Section, known: KnownInputs) -> str:
    """The kind of entity that a detector has a state for each of; nothing: it has one for all events."""
    if not section.has("scope"):
        return ""
    scope = section.at("scope").choice(("global", "user", *known.features.kinds))
    return {"global": "", "user": known.schema.user}.get(scope, scope)


def _elsewhere(kind: str, known: KnownInputs) -> bool:
    """Whether a detector runs in the stage of another entity than the user, which is asked before the user's."""
    return kind not in ("", known.schema.user)


def _name(section: Section) -> str:
    name = section.text()
    if not name.isidentifier():
        section.refuse("not a name", "letters, digits and underscores, not starting with a digit")
    if len(name) > NAME_CHARACTERS_MAX:
        section.refuse("name too long", f"at most {NAME_CHARACTERS_MAX} characters", name)
    return name
