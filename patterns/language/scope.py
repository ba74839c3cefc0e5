"""The names that rules may read, which depend on the stage that reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from features.definitions.entity_parser import parts_of
from features.definitions.fact_columns import types_of_facts
from features.expressions.functions.types import Type
from features.expressions.names import Names, names_of_schema
from features.schema.decode import Decoder
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet


@dataclass(frozen=True)
class Scope:
    """Holds what a release offers to its rules.

    Args:
        schema: which fields events have.
        features: compiled over `schema`.
        models: names of models.
        lists: names of the lists that the release declares.
    """

    schema: Schema
    features: FeatureSet
    models: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    _names: dict[str, Names] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def event_fields(self) -> tuple[str, ...]:
        """Returns the names of all fields of an event, without ``event.``."""
        return tuple(name.removeprefix("event.") for name in names_of_schema(self.schema).types)

    @cached_property
    def decoder(self) -> Decoder:
        """Returns what reads events, by which those of tests are checked."""
        return Decoder(self.schema)

    def names_at(self, kind: str) -> Names:
        """Returns what can be read at the stage of an entity type.

        The stage of the user reads everything: ``event.``, ``feature.``, ``model.`` and ``entity.`` names, and lists. That of any other
        type works before it and without a way back: it reads the event's fields and the features of that type.
        """
        if kind not in self._names:
            self._names[kind] = self._everything() if kind == self.schema.user else self._own(kind)
        return self._names[kind]

    def feature_kind(self, name: str) -> str:
        """Returns the entity type at whose stage the feature ``feature.x`` is made."""
        return self.features.definitions[name.removeprefix("feature.")].kind

    def knows(self, kind: str) -> bool:
        """Tells whether events have entities of the type."""
        return set(parts_of(kind)) <= {self.schema.user, *self.schema.entities}

    def _everything(self) -> Names:
        models = {f"model.{name}": Type.DOUBLE for name in self.models}
        return Names(names_of_schema(self.schema, self.features.names).types | models | types_of_facts(self.schema), lists=True)

    def _own(self, kind: str) -> Names:
        return names_of_schema(self.schema, self.features.own(kind))


@dataclass(frozen=True)
class Seen:
    """Says what traffic has had, so that a rule which asks for something else gets a warning.

    Args:
        fields: names of fields that some event had a value for, without ``event.``.
        texts: by field, the texts that it had; a field that is not there may have any.
    """

    fields: frozenset[str]
    texts: Mapping[str, frozenset[str]]


def seen_of(values: Mapping[str, Iterable[str] | None]) -> Seen:
    """Returns what was seen, from the texts of each field; None: there are too many to say, or it is a number."""
    return Seen(frozenset(values), {name: frozenset(texts) for name, texts in values.items() if texts is not None})
