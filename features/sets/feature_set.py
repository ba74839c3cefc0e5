"""Reads, checks and compiles ``features.yaml``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from features.definitions.aggregate import Reading
from features.definitions.definition import USUAL_OF, Definition, read_definition
from features.definitions.definition_reader import Known, known_of
from features.definitions.dependencies import Cycle, behind, in_order
from features.definitions.derived import Derived, Lists
from features.definitions.entity_parser import JOINT, KEY_JOINT, parts_of
from features.definitions.event_columns import ids_of
from features.definitions.wording import entity_in_words
from features.expressions.names import IN_LIST
from features.plan.plan import Plan
from features.plan.plan_columns import columns_of
from features.plan.plan_compiler import compile_plan
from features.schema.batch import Batch
from features.schema.schema import ENTITIES_MAX, NAME_CHARACTERS_MAX, Schema
from features.sets.finishing import Finishing
from foundation.document import Section, read_document
from foundation.number_arrays import Float64s, Int64s
from foundation.refusal import Refusal

FEATURES_MAX = 4_096
COST_MAX_NS = 200_000
"""The maximum cost of all features together per event, as their templates and expressions estimate it."""
WORK_MAX = 50_000
"""The maximum number of values and operations in all expressions: about half a second of CPU. See `Expression.work`."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FEATURE = "feature."
NO_FACTS: Mapping[str, Float64s] = {}
_SHOWN_MAX = 3


class UsualValue(NamedTuple):
    """A feature that says what is usual for a number.

    Args:
        column: of a feature matrix in which it stands.
        whose: whose usual value it is, in words: "customer".
    """

    column: int
    whose: str


@dataclass(frozen=True)
class FeatureSet:
    """Holds compiled features in the order of their file.

    Args:
        names: names of all features, which are the columns of a feature matrix.
        kinds: entity types that have windows or facts: the user first, then further ones in the schema's order, then pairs in order of use.
        plans: the plan of each entity type.
        columns: by entity type, the indexes in `names` of the features that its stage makes; all others have no window.
        written: by name, the definition as its file has it, without what only describes it to people.
        definitions: definitions by name.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    plans: dict[str, Plan]
    columns: dict[str, Int64s]
    written: dict[str, dict[str, object]]
    definitions: dict[str, Definition]
    schema: Schema
    _finishing: dict[str, Finishing]
    _derived: Derived

    @cached_property
    def usual(self) -> dict[str, UsualValue]:
        """By ``event.`` or ``feature.`` name of a number, what is usual for it; found once, since each reason asks for it."""
        each = enumerate(map(self.definitions.__getitem__, self.names))
        return {by.usual_of: UsualValue(at, entity_in_words(self._about(by.name))) for at, by in each if by.usual_of}

    def _about(self, name: str) -> str:
        """Returns the entity type that a feature is about: for an expression over features of one type that, for others the user."""
        windows = [self.definitions[each] for each in self.behind([name]) if self.definitions[each].recipe.readings]
        kinds = {definition.kind for definition in windows}
        return kinds.pop() if len(kinds) == 1 else self.schema.user

    @property
    def cost_ns(self) -> int:
        """What all features together cost an event, as their templates and expressions estimate it."""
        return _cost_ns(self.definitions)

    def finish(self, kind: str, read: Float64s, values: Float64s, times_ms: Int64s) -> Float64s:
        """Returns the features of one entity type [n, len(columns[kind])] from the readings of its plan.

        Args:
            read: [n, width of the plan] readings.
            values: [n, columns of the plan] the events' row values.
        """
        return self._finishing[kind].over(read, values, times_ms)

    def complete(self, batch: Batch, features: Float64s, facts: Mapping[str, Float64s] = NO_FACTS, lists: Lists | None = None) -> None:
        """Fills calendar features and expressions into `features` [n, len(names)], which holds all other features already.

        Args:
            facts, lists: see `Derived.fill`.
        """
        self._derived.fill(batch, features, facts, lists)

    def lists_read(self) -> dict[str, Section]:
        """Returns the names of the lists that expressions read, each with the definition of one that does."""
        return {
            name.split(IN_LIST)[1]: definition.section
            for definition in self.definitions.values()
            for name in definition.reads
            if IN_LIST in name
        }

    def own(self, kind: str) -> list[str]:
        """Returns the names of the features that the stage of an entity type makes, in the order of its feature matrix."""
        return [self.names[at] for at in self.columns[kind].tolist()] if kind in self.columns else []

    def with_kinds(self, kinds: Iterable[str]) -> "FeatureSet":
        """Returns these features with profiles of further entity types, which have no windows.

        Raises:
            Refusal: there are too many entity types.
        """
        more = [kind for kind in dict.fromkeys(kinds) if kind not in self.plans]
        if not more:
            return self
        if len(self.kinds) - 1 + len(more) > ENTITIES_MAX:
            expected = f"windows, sequences and thresholds of at most {ENTITIES_MAX} entities and pairs"
            raise Refusal("too many entity types", where=more[-1], expected=expected, got=", ".join((*self.kinds[1:], *more)))
        plans = {kind: compile_plan(kind, False, (), columns_of((), self.schema), self.schema) for kind in more}
        return replace(
            self,
            kinds=(*self.kinds, *more),
            plans=self.plans | plans,
            columns=self.columns | {kind: np.zeros(0, np.int64) for kind in more},
            _finishing=self._finishing | {kind: Finishing((), (), plan) for kind, plan in plans.items()},
        )

    def key(self, kind: str, batch: Batch) -> list[str]:
        """Returns the key of each event's profile of an entity type: the entity's id, or both of a pair; '' if it is absent."""
        if JOINT not in kind:
            return ids_of(kind, batch, self.schema)
        first, second = (ids_of(part, batch, self.schema) for part in parts_of(kind))
        return [f"{a}{KEY_JOINT}{b}" if a and b else "" for a, b in zip(first, second, strict=True)]

    def behind(self, names: Sequence[str]) -> list[str]:
        """Returns `names` and the features from which they are computed, over any number of steps."""
        return behind(names, self._features_read)

    @cached_property
    def _features_read(self) -> dict[str, list[str]]:
        """By name of a feature those that it reads itself."""
        return {name: _features_read(definition) for name, definition in self.definitions.items()}


def read_features(text: str, schema: Schema, source: str = "features.yaml") -> FeatureSet:
    """Compiles the features that `text` defines over events of `schema`.

    Raises:
        Refusal: something is unknown, missing, given twice or out of range, a window makes no sense, features need one another, or there
            are too many or too costly ones; names line, column and the nearest right name.
    """
    sections = _sections_by_name(read_document(text, source))
    known = known_of(schema, sections)
    definitions = _definitions_of(sections, known)
    _check_cost(definitions)
    _check_usual(definitions, schema)
    by_kind: dict[str, list[Definition]] = {kind: [] for kind in (schema.user, *schema.entities)}
    for definition in definitions.values():
        if definition.recipe.readings:
            by_kind.setdefault(definition.kind, []).append(definition)
            _check_kinds(by_kind, definition, schema)
    kinds = (schema.user, *(kind for kind, own in by_kind.items() if (own or schema.facts_of(kind)) and kind != schema.user))
    readings = {kind: _readings_of(by_kind[kind]) for kind in kinds}
    plans = {kind: compile_plan(kind, kind == schema.user, readings[kind], columns_of(by_kind[kind], schema), schema) for kind in kinds}
    places = {name: at for at, name in enumerate(sections)}
    return FeatureSet(
        names=tuple(sections),
        kinds=kinds,
        plans=plans,
        columns={kind: np.array([places[definition.name] for definition in by_kind[kind]], dtype=np.int64) for kind in kinds},
        written={name: definition.written for name, definition in definitions.items()},
        definitions=definitions,
        schema=schema,
        _finishing={kind: Finishing(by_kind[kind], readings[kind], plans[kind]) for kind in kinds},
        _derived=Derived(_without_windows(definitions), tuple(sections), schema),
    )


def _definitions_of(sections: Mapping[str, Section], known: Known) -> dict[str, Definition]:
    """Reads definitions until they are too much work, so that compiling never costs much more than it may."""
    definitions: dict[str, Definition] = {}
    work = 0
    for name, section in sections.items():
        definitions[name] = read_definition(section, name, known)
        work += definitions[name].work
        if work > WORK_MAX:
            largest = sorted(definitions.values(), key=lambda definition: -definition.work)[:_SHOWN_MAX]
            section.refuse(
                "expressions too large together",
                f"at most {WORK_MAX} values and operations in all expressions of the file",
                f"{work} up to here",
                "shorten the largest: " + ", ".join(f"{definition.name} ({definition.work})" for definition in largest),
            )
    return definitions


def _check_usual(definitions: Mapping[str, Definition], schema: Schema) -> None:
    """Refuses a feature that is the usual value of nothing known, of itself, or of what has one already."""
    numbers = [f"event.{column}" for column in schema.columns] + [_FEATURE + name for name in definitions]
    said: dict[str, str] = {}
    for name, definition in definitions.items():
        if not definition.usual_of:
            continue
        place = definition.section.at(USUAL_OF)
        of = place.choice([number for number in numbers if number != _FEATURE + name])
        if of in said:
            place.refuse("usual value given twice", f"one feature with usual_of: {of}", f"{said[of]} and {name}")
        said[of] = name


def _sections_by_name(document: Section) -> dict[str, Section]:
    sections: dict[str, Section] = {}
    for section in document.items():
        if len(sections) == FEATURES_MAX:
            section.refuse("too many features", f"at most {FEATURES_MAX}", str(len(sections) + 1))
        place = section.at("name")
        name = place.text()
        if not _NAME.fullmatch(name):
            place.refuse("not a feature's name", "letters, digits and _")
        if len(name) > NAME_CHARACTERS_MAX:
            place.refuse("name too long", f"at most {NAME_CHARACTERS_MAX} characters", name)
        if name in sections:
            place.refuse("name given twice", "each feature under a name of its own", name)
        sections[name] = section
    return sections


def _check_kinds(by_kind: Mapping[str, Sequence[Definition]], newest: Definition, schema: Schema) -> None:
    """Refuses too many entity types: pairs count too, so features may need more than the schema has entities."""
    waited_for = sum(bool(own) for kind, own in by_kind.items() if kind != schema.user)
    if waited_for > ENTITIES_MAX:
        newest.section.refuse("too many entity types", f"windows of at most {ENTITIES_MAX} entities and pairs", newest.kind)


def _readings_of(definitions: Sequence[Definition]) -> tuple[Reading, ...]:
    """Returns each reading once, however many features use it."""
    return tuple(dict.fromkeys(reading for definition in definitions for reading in definition.recipe.readings))


def _features_read(definition: Definition) -> list[str]:
    return [name.removeprefix(_FEATURE) for name in definition.reads if name.startswith(_FEATURE)]


def _without_windows(definitions: dict[str, Definition]) -> list[Definition]:
    """Returns calendar features and expressions, each after those that it reads."""
    reads = {name: _features_read(definition) for name, definition in definitions.items() if not definition.recipe.readings}
    try:
        return [definitions[name] for name in in_order(reads)]
    except Cycle as cycle:
        path = " → ".join(cycle.names)
        place = definitions[cycle.names[0]].section.at("expression")
        return place.refuse("features that depend on each other", "expressions without a cycle among the features that they read", path)


def _cost_ns(definitions: Mapping[str, Definition]) -> int:
    columns = {(d.kind, column): cost_ns for d in definitions.values() for column, cost_ns in d.column_costs_ns.items()}
    return sum(definition.own_cost_ns for definition in definitions.values()) + sum(columns.values())


def _check_cost(definitions: dict[str, Definition]) -> None:
    cost_ns = _cost_ns(definitions)
    if cost_ns <= COST_MAX_NS:
        return
    largest = sorted(definitions.values(), key=lambda definition: -definition.cost_ns)[:_SHOWN_MAX]
    largest[0].section.refuse(
        "features too costly",
        f"at most {COST_MAX_NS} ns an event for all features together, by estimate",
        f"{cost_ns} ns",
        "the largest are " + ", ".join(f"{definition.name} ({definition.cost_ns} ns)" for definition in largest),
    )
