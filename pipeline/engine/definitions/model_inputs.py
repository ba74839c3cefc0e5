"""What models may read: numbers of the event and features, with their places in a batch, and texts as categories."""

from collections.abc import Iterable

from features.definitions.definition_reader import nearest_feature
from features.definitions.row_column import Origin
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.document import Section
from pipeline.engine.definitions.model import InputColumns

EVENT = "event."
"""What names of an event's numbers and texts begin with."""
FEATURE = "feature."

Places = dict[str, tuple[bool, int, float]]
"""Of inputs by name: whether they are numbers of the event (else features), their column, and what divides them."""


class KnownInputs:
    """What models may read: names of numbers and of features, with their places in a batch."""

    def __init__(self, schema: Schema, features: FeatureSet) -> None:
        self.schema, self.features = schema, features
        numbers = {f"event.{column}": (True, at, float(schema.scales[at])) for at, column in enumerate(schema.columns)}
        self.places = numbers | {f"feature.{name}": (False, at, 1.0) for at, name in enumerate(features.names)}

    def read_for(self, name: str) -> set[str]:
        """Returns the input `name` itself, and all of the event and all features that it is computed from."""
        features = self.features.behind([name.removeprefix(FEATURE)]) if name.startswith(FEATURE) else []
        read = {each for feature in features for each in self.features.definitions[feature].reads}
        return {name, *read, *(FEATURE + feature for feature in features)}

    def places_at(self, kind: str) -> Places:
        """Where the stage of a kind of entity has what it knows of an event: numbers that its history holds, and its own features."""
        rows = self.features.plans[kind].columns
        held = {column.name: (True, at, column.scale) for at, column in enumerate(rows) if column.origin in (Origin.NUMBER, Origin.TEXT)}
        own = self.features.columns[kind].tolist()
        return held | {f"feature.{self.features.names[column]}": (False, at, 1.0) for at, column in enumerate(own)}


def own_columns(items: Iterable[Section], inputs: tuple[str, ...], places: Places, kind: str) -> InputColumns:
    """Where the stage of `kind` finds the inputs: it is asked before the user's, and knows nothing of other entities.

    Raises:
        Refusal: with line and column, for an input that is not among its `places`.
    """
    for item, name in zip(items, inputs, strict=True):
        if name not in places:
            expected = f"a number of the event that is retained, or a feature with entity: {kind}"
            item.refuse("not known where the detector runs", expected, name, "add retain: true to the field in the schema")
    return columns_of(inputs, places)


def columns_of(inputs: tuple[str, ...], places: Places) -> InputColumns:
    """Where a batch has the inputs."""
    return InputColumns(tuple(places[name] for name in inputs))


def read_inputs(section: Section, model: str, known: KnownInputs) -> tuple[str, ...]:
    """The numbers of events and features that `model` reads, each once."""
    inputs: dict[str, None] = {}
    for item in section.items():
        name = read_input(item, model, known)
        if name in inputs:
            item.refuse("input given twice", "each input once", name)
        inputs[name] = None
    return tuple(inputs)


def read_categories(section: Section, schema: Schema) -> tuple[str, ...]:
    """The texts of the event that are read: those that decisions carry, since what is usual of all is learned from decisions."""
    carried = tuple(f"{EVENT}{name}" for name in (*schema.entities, *schema.dimensions))
    found = []
    for item in section.items():
        name = item.text()
        if name not in carried:
            expected = "an entity, or a text with dimension: true: " + (", ".join(carried) or "the schema has none")
            item.refuse("not a category", expected, name, "add dimension: true to the field in the schema")
        found.append(name)
    return tuple(found)


def read_input(section: Section, model: str, known: KnownInputs) -> str:
    """A number of the event, or a feature."""
    name = section.text()
    if name in known.places:
        return name
    if not name.startswith("feature."):
        return section.choice(tuple(known.places))
    remedy = nearest_feature(name.removeprefix("feature."), known.features.names)
    return section.refuse("unknown feature", f"one of features.yaml, since model {model} reads it", name, remedy)


def refuse_forbidden(forbidden: Section, items: Section, inputs: tuple[str, ...], known: KnownInputs) -> None:
    """Refuses inputs that are forbidden, or are features that are computed from what is, over any number of steps.

    Raises:
        Refusal: with line and column of the input; or of a forbidden name that neither events nor features have.
    """
    named = {item.text(): item for item in forbidden.items()}
    schema = known.schema
    fields = {f"{EVENT}{name}" for name in (schema.user, *schema.entities, *(field.name for field in schema.fields))}
    for name, item in named.items():
        if name not in fields and name not in known.places:
            item.refuse("unknown name", "event.<field> or feature.<name>", name)
    for item, name in zip(items.items(), inputs, strict=True):
        found = sorted(known.read_for(name) & named.keys())
        if found:
            item.refuse("forbidden input", f"an input that does not read {', '.join(found)}", name, f"leave {name} out, or what forbids it")
