"""models.yaml: which detectors run, on which inputs, and how they learn."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import KEYED, KEYED_OF_ROWS, LEARNERS, POPULATIONS, Keyed, learner_of
from features.definitions.definition_reader import nearest_feature
from features.definitions.row_column import Origin
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
from pipeline.engine.definitions.model_labels import ALL_LABELS, ModelLabels, read_model_labels
from pipeline.engine.definitions.river_model import read_river

MODELS_MAX = 256
"""Of a release."""
_CHALLENGES = "challenges"
_EVENT, _MODEL = "event.", "model."
_FIELDS = ("name", "kind", "scope", "learns", "inputs", "sample", "labels", _CHALLENGES)
_FIELDS_OF_RIVER = ("model", "parameters", "publish_every", "learns_from")


@dataclass(frozen=True, slots=True)
class Model:
    """One detector of a release.

    Args:
        name: unique within the release.
        model: name in the catalogue, such as ``anomaly.HalfSpaceTrees``; the kind of its snapshots.
        parameters: given to the detector as they stand.
        keyed: the detector, where it has a state for each entity of one kind; ``None`` for one global learner.
        kind: that kind of entity; empty for a global learner.
        labelled: learns from labels instead of from every event.
        inputs: ``event.<field>``, ``feature.<name>`` or ``model.<name>``, in order.
        publish_every_ms: of event time, between two snapshots.
        sample: share of events that the learner sees, by hash of the event id.
        definition: content hash of all of this and of the features it reads; a snapshot of another definition is not used.
        columns: where the inputs stand in a batch.
        own: where they stand in what the stage of another entity than the user knows of an event: words of its row, and features of its
            kind; ``None`` for others.
        cost_ns: of scoring an event, about, with its inputs at hand.
        shape: a Struct with one attribute an input, which encodes as an object by the inputs' names.
        labels: which labels teach it, and how much.
        approved_only: it learns from events that were approved alone, so that what is suspicious does not become normal.
        boosted: how its trees are fitted beside the stream; ``None`` for models that learn from each event or label as it comes.
        category: the text of the event that is its one input, as a hash; empty where inputs are numbers.
        of: the models whose raw scores are its inputs, all of which stand before it; none where inputs are of the event and features.
        challenges: the model of the policy's score in whose place it may be promoted; until then it is scored beside, and decides nothing.
            '' for a model that challenges none.
    """

    name: str
    model: str
    parameters: dict[str, object]
    keyed: Keyed | None
    kind: str
    labelled: bool
    inputs: tuple[str, ...]
    publish_every_ms: int
    sample: float
    definition: str
    columns: "InputColumns"
    own: "InputColumns | None"
    cost_ns: float
    shape: type[msgspec.Struct]
    labels: ModelLabels = ALL_LABELS
    approved_only: bool = False
    boosted: Boosted | None = None
    of: tuple[str, ...] = ()
    category: str = ""
    challenges: str = ""

    @property
    def section(self) -> str:
        """What the numbers of a detector are known by, in the profile of each of its entities."""
        return self.definition[:12]

    @property
    def said(self) -> int:
        """How many numbers a detector with a state for each entity says of an event: its score, and the shares of several inputs in it."""
        return 1 if len(self.inputs) == 1 else 1 + len(self.inputs)


@dataclass(frozen=True, slots=True)
class InputColumns:
    """Takes a model's inputs, in major units, out of a batch's numbers and features."""

    places: tuple[tuple[bool, int, float], ...]

    def take(self, numbers: NDArray[np.float64], features: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, inputs] in the model's order; NaN where missing."""
        out = np.empty((len(numbers), len(self.places)))
        for position, (from_event, column, scale) in enumerate(self.places):
            if from_event:
                np.divide(numbers[:, column], scale, out=out[:, position])
            else:
                out[:, position] = features[:, column]
        return out


def read_models(text: str, schema: Schema, features: FeatureSet, source: str = "models.yaml") -> tuple[Model, ...]:
    """Compiles models.yaml.

    Raises:
        Refusal: with line and column, for anything unknown, missing or out of range.
    """
    models: list[Model] = []
    known = _Inputs(schema, features)
    for section in read_document(text, source).items():
        if len(models) == MODELS_MAX:
            section.refuse("too many models", f"at most {MODELS_MAX}", str(MODELS_MAX + 1))
        model = _read_model(section, known, {model.name: model.definition for model in models})
        if section.has(_CHALLENGES):
            model = replace(model, challenges=section.at(_CHALLENGES).text())
        if any(other.name == model.name for other in models):
            section.at("name").refuse("name given twice", "a name of its own for each model", model.name)
        models.append(model)
    return tuple(models)


Places = dict[str, tuple[bool, int, float]]
"""Of inputs by name: whether they are numbers of the event (else features), their column, and what divides them."""


class _Inputs:
    """What models may read: names of numbers and of features, with their places in a batch."""

    def __init__(self, schema: Schema, features: FeatureSet) -> None:
        self.schema, self.features = schema, features
        numbers = {f"event.{column}": (True, at, float(schema.scales[at])) for at, column in enumerate(schema.columns)}
        self.places = numbers | {f"feature.{name}": (False, at, 1.0) for at, name in enumerate(features.names)}

    def places_at(self, kind: str) -> Places:
        """Where the stage of a kind of entity has what it knows of an event: numbers that its history holds, and its own features."""
        rows = self.features.plans[kind].columns
        held = {column.name: (True, at, column.scale) for at, column in enumerate(rows) if column.origin in (Origin.NUMBER, Origin.TEXT)}
        own = self.features.columns[kind].tolist()
        return held | {f"feature.{self.features.names[column]}": (False, at, 1.0) for at, column in enumerate(own)}


def _read_model(section: Section, known: _Inputs, earlier: Mapping[str, str]) -> Model:
    written = section.at("kind").choice(("river", BOOSTED, FEATURE, COMBINE)) if section.has("kind") else "river"
    if written == BOOSTED:
        return _read_boosted(section, known)
    if written == FEATURE:
        return _read_feature(section, known)
    if written == COMBINE:
        return _read_combined(section, known, earlier)
    section.only(*_FIELDS, *_FIELDS_OF_RIVER)
    kind = _kind(section, known)
    keyed = kind != ""
    name = _name(section.at("name"))
    of_text = keyed and not section.at("model").is_list() and section.at("model").text() in POPULATIONS
    inputs = _read_categories(section.at("inputs"), known.schema) if of_text else _read_inputs(section.at("inputs"), name, known)
    if not inputs:
        section.at("inputs").refuse("wrong number of inputs", "at least one input")
    model, parameters, detector, cost_ns = _detector(section, keyed, len(inputs))
    if keyed and model not in KEYED_OF_ROWS and len(inputs) != 1:
        section.at("inputs").refuse("wrong number of inputs", f"one input of {model}")
    labelled = not keyed and bool(learner_of(model).labelled)
    if section.has("learns") and (section.at("learns").choice(("labels", "events")) == "labels") != labelled:
        section.at("learns").refuse("cannot learn so", f"learns: {'labels' if labelled else 'events'} for {model}")
    own = _own_columns(section.at("inputs").items(), kind, inputs, known) if kind not in ("", known.schema.user) else None
    return Model(
        name=name,
        model=model,
        parameters=parameters,
        keyed=detector,
        kind=kind,
        labelled=labelled,
        inputs=inputs,
        publish_every_ms=_publish_every_ms(section),
        sample=_sample(section),
        definition=_definition(section, inputs, known.features),
        columns=_columns(() if of_text else inputs, known.places),
        own=own,
        cost_ns=cost_ns,
        shape=object_shape("Inputs", inputs),
        category=inputs[0].removeprefix(_EVENT) if of_text else "",
        labels=_labels(section, labelled, known),
        approved_only=_approved_only(section, labelled or keyed),
    )


def _labels(section: Section, labelled: bool, known: _Inputs) -> ModelLabels:
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


def _read_boosted(section: Section, known: _Inputs) -> Model:
    section.only(*_FIELDS, *FIELDS_OF_BOOSTED)
    for field, only in (("scope", "global"), ("learns", "labels")):
        if section.has(field):
            section.at(field).choice((only,))
    name = _name(section.at("name"))
    inputs = _read_inputs(section.at("inputs"), name, known)
    if not inputs:
        section.at("inputs").refuse("wrong number of inputs", "at least one input")
    boosted = read_boosted(section, inputs)
    return Model(
        name=name,
        model=BOOSTED_MODEL,
        parameters={},
        keyed=None,
        kind="",
        labelled=True,
        inputs=inputs,
        publish_every_ms=boosted.retrain_ms,
        sample=_sample(section),
        definition=_definition(section, inputs, known.features),
        columns=_columns(inputs, known.places),
        own=None,
        cost_ns=boosted.cost_ns,
        shape=object_shape("Inputs", inputs),
        labels=_labels(section, True, known),
        boosted=boosted,
    )


def _read_feature(section: Section, known: _Inputs) -> Model:
    section.only(*FIELDS_OF_FEATURE, _CHALLENGES)
    kind, name = _kind(section, known), _name(section.at("name"))
    inputs = (_read_input(section.at("of"), name, known),)
    model = MODEL_OF_KEYS if kind else MODEL_OF_ALL
    own = _own_columns([section.at("of")], kind, inputs, known) if kind not in ("", known.schema.user) else None
    parameters, detector, cost_ns = _parameters(section, model, kind != "", 1)
    return Model(
        name=name,
        model=model,
        parameters=parameters,
        keyed=detector,
        kind=kind,
        labelled=False,
        inputs=inputs,
        publish_every_ms=_publish_every_ms(section),
        sample=_sample(section),
        definition=_definition(section, inputs, known.features),
        columns=_columns(inputs, known.places),
        own=own,
        cost_ns=cost_ns,
        shape=object_shape("Inputs", inputs),
    )


def _read_combined(section: Section, known: _Inputs, earlier: Mapping[str, str]) -> Model:
    section.only(*FIELDS_OF_COMBINE, _CHALLENGES)
    model = combining_model(section)
    of = read_combined(section.at("of"), earlier)
    parameters, _, cost_ns = _parameters(section, model, False, len(of))
    inputs = tuple(f"{_MODEL}{name}" for name in of)
    return Model(
        name=_name(section.at("name")),
        model=model,
        parameters=parameters,
        keyed=None,
        kind="",
        labelled=bool(LEARNERS[model].labelled),
        inputs=inputs,
        publish_every_ms=_publish_every_ms(section),
        sample=_sample(section),
        definition=_definition(section, inputs, known.features, [earlier[name] for name in of]),
        columns=_columns((), known.places),
        own=None,
        cost_ns=cost_ns,
        shape=object_shape("Inputs", inputs),
        of=of,
    )


def _publish_every_ms(section: Section) -> int:
    return section.at("publish_every").duration_ms() if section.has("publish_every") else 3_600_000


def _sample(section: Section) -> float:
    return section.at("sample").number(0.0, 1.0) if section.has("sample") else 1.0


def object_shape(name: str, keys: Sequence[str]) -> type[msgspec.Struct]:
    """A Struct of positional values that encodes as an object with `keys`: a third of a dictionary's cost to make."""
    attributes = [f"field_{position}" for position in range(len(keys))]
    return msgspec.defstruct(
        name, [(attribute, Any) for attribute in attributes], rename=dict(zip(attributes, keys, strict=True)), gc=False
    )


def _definition(section: Section, inputs: tuple[str, ...], features: FeatureSet, models: Sequence[str] = ()) -> str:
    """What was learned of a feature says nothing of another one under the same name: so the features count too, and those behind, and the
    definitions of models that are inputs."""
    read = features.behind([name.removeprefix("feature.") for name in inputs if name.startswith("feature.")])
    plain = section.plain()
    written = {key: value for key, value in plain.items() if key != _CHALLENGES} if isinstance(plain, dict) else plain
    whole = [written, [features.written[name] for name in read], *models]
    return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()


def _kind(section: Section, known: _Inputs) -> str:
    """The kind of entity that a detector has a state for each of; nothing: it has one for all events."""
    if not section.has("scope"):
        return ""
    scope = section.at("scope").choice(("global", "user", *known.features.kinds))
    return {"global": "", "user": known.schema.user}.get(scope, scope)


def _own_columns(items: Iterable[Section], kind: str, inputs: tuple[str, ...], known: _Inputs) -> InputColumns:
    """Where the stage of `kind` finds the inputs: it is asked before the user's, and knows nothing of other entities."""
    places = known.places_at(kind)
    for item, name in zip(items, inputs, strict=True):
        if name not in places:
            expected = f"a number of the event that is retained, or a feature with entity: {kind}"
            item.refuse("not known where the detector runs", expected, name, "add retain: true to the field in the schema")
    return _columns(inputs, places)


def _columns(inputs: tuple[str, ...], places: Places) -> InputColumns:
    return InputColumns(tuple(places[name] for name in inputs))


def _name(section: Section) -> str:
    name = section.text()
    if not name.isidentifier():
        section.refuse("not a name", "letters, digits and underscores, not starting with a digit")
    if len(name) > NAME_CHARACTERS_MAX:
        section.refuse("name too long", f"at most {NAME_CHARACTERS_MAX} characters", name)
    return name


def _read_inputs(section: Section, model: str, known: _Inputs) -> tuple[str, ...]:
    inputs: dict[str, None] = {}
    for item in section.items():
        name = _read_input(item, model, known)
        if name in inputs:
            item.refuse("input given twice", "each input once", name)
        inputs[name] = None
    return tuple(inputs)


def _read_categories(section: Section, schema: Schema) -> tuple[str, ...]:
    """The texts of the event that are read: those that decisions carry, since what is usual of all is learned from decisions."""
    carried = tuple(f"{_EVENT}{name}" for name in (*schema.entities, *schema.dimensions))
    found = []
    for item in section.items():
        name = item.text()
        if name not in carried:
            expected = "an entity, or a text with dimension: true: " + (", ".join(carried) or "the schema has none")
            item.refuse("not a category", expected, name, "add dimension: true to the field in the schema")
        found.append(name)
    return tuple(found)


def _read_input(section: Section, model: str, known: _Inputs) -> str:
    name = section.text()
    if name in known.places:
        return name
    if not name.startswith("feature."):
        return section.choice(tuple(known.places))
    remedy = nearest_feature(name.removeprefix("feature."), known.features.names)
    return section.refuse("unknown feature", f"one of features.yaml, since model {model} reads it", name, remedy)


def _detector(section: Section, keyed: bool, inputs: int) -> tuple[str, dict[str, object], Keyed | None, float]:
    """The detector that `model` names, or the pipeline of River that it describes, as `_parameters` gives it."""
    written = section.at("model")
    own = KEYED if keyed else LEARNERS
    if keyed or not (written.is_list() or written.is_mapping() or written.text() not in own):
        model = written.choice(sorted(own))
        return model, *_parameters(section, model, keyed, inputs)
    model, parameters, cost_ns = read_river(section, inputs)
    return model, parameters, None, LEARNERS[model](inputs, **parameters).cost_ns if model in LEARNERS else cost_ns


def _parameters(section: Section, model: str, keyed: bool, inputs: int) -> tuple[dict[str, object], Keyed | None, float]:
    """The parameters, which must be those of such a detector; the detector itself where it has states of entities; what scoring costs."""
    plain = section.at("parameters").plain() if section.has("parameters") else {}
    if not isinstance(plain, dict):
        section.at("parameters").refuse("wrong type", "a mapping of parameters")
    detector = None
    try:
        if keyed:
            detector = KEYED[model](**({"inputs": inputs} if model in KEYED_OF_ROWS else {}), **plain)
            cost_ns = detector.cost_ns
        else:
            cost_ns = LEARNERS[model](inputs, **plain).cost_ns
    except (TypeError, ValueError) as error:
        section.at("parameters").refuse("bad parameters", f"parameters of {model}", str(error))
    return {str(name): value for name, value in plain.items()}, detector, cost_ns
