"""Reads and checks what a definition in features.yaml gives its template: columns of rows, windows and parameters."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from features.definitions.entity_parser import read_kind
from features.definitions.fact_columns import types_of_facts
from features.definitions.row_column import Origin, RowColumn
from features.definitions.row_values import compiled
from features.definitions.template import Template
from features.definitions.window import Window
from features.definitions.window_parser import read_length_ms, read_window
from features.definitions.zone import read_zone
from features.expressions.expression import Expression, compile_expression
from features.expressions.functions.types import Type
from features.expressions.names import Names, names_of_schema
from features.schema.schema import Schema
from foundation.document import Section
from foundation.place import ExpressionRefusal, Place

_EVENT = "event."
_WORD_COST_NS = 100
_CONVERSIONS = {Type.TIMESTAMP: "write int(…) for its seconds", Type.DURATION: "write (…).getSeconds()"}


class Known(NamedTuple):
    """Holds the names that definitions may use.

    Args:
        events: all ``event.`` names with their types.
        everything: all ``event.``, ``feature.`` and ``entity.`` names with their types.
        features: names of features without ``feature.``.
        columns: by name, the index of a numeric field among an event's numbers.
        texts: fields that rows hold as a hash: ids and text fields.
    """

    schema: Schema
    events: Names
    everything: Names
    features: tuple[str, ...]
    columns: Mapping[str, int]
    texts: frozenset[str]


def known_of(schema: Schema, features: Iterable[str]) -> Known:
    """Returns the names that definitions over events of `schema` may use beside the `features`."""
    names = tuple(features)
    return Known(
        schema=schema,
        events=names_of_schema(schema),
        everything=Names(names_of_schema(schema, names).types | types_of_facts(schema), lists=True),
        features=names,
        columns={column: at for at, column in enumerate(schema.columns)},
        texts=frozenset((schema.user, *schema.entities, *schema.texts, schema.id_field)),
    )


class DefinitionReader:
    """Reads one definition for its template, and collects in its attributes what the definition needs.

    Args:
        section: the definition in the file.
        template: the definition's template.

    Attributes:
        kind: entity type whose rows the definition reads.
        columns: columns of rows that it needs, by name.
        reads: ``event.``, ``feature.`` and ``entity.`` names that it depends on.
        cost_ns: estimated CPU time per event, without the columns.
        column_costs_ns: estimated CPU time per event of each computed column; features that use the same column share it.
        work: number of values and operations that compiling its expressions looked at.
    """

    def __init__(self, section: Section, template: Template, known: Known) -> None:
        self.section = section
        self.template = template
        self.schema = known.schema
        self.columns: dict[str, RowColumn] = {}
        self.reads: dict[str, None] = {}
        self.cost_ns = template.cost_ns
        self.column_costs_ns: dict[str, int] = {}
        self.work = 0
        self._known = known
        self.kind = read_kind(section.at("entity"), known.schema) if section.has("entity") else known.schema.user

    def has(self, parameter: str) -> bool:
        return self.section.has(parameter)

    def number(self, parameter: str = "value") -> str:
        """Returns the name of the column of a numeric value.

        Raises:
            Refusal: the parameter is missing, reads something that events do not have, or is not a number.
        """
        section = self.section.at(parameter)
        name, type = self._column(section)
        if not type.is_number and type is not Type.BOOL:
            fields = ", ".join(_EVENT + column for column in self.schema.columns) or "the schema has none"
            expected = f"a numeric field: {fields}; or an expression that gives a number"
            section.refuse("not a number", expected, remedy=_CONVERSIONS.get(type, ""))
        return name

    def anything(self, parameter: str = "value") -> str:
        """Returns the name of the column of a value that is only compared: a number, a text or an id.

        Raises:
            Refusal: the parameter is missing, reads something that events do not have, or is a time.
        """
        section = self.section.at(parameter)
        name, type = self._column(section)
        if type in _CONVERSIONS:
            section.refuse("neither number nor text", "a number, a boolean, a text or an id", remedy=_CONVERSIONS[type])
        return name

    def where(self) -> str:
        """Returns the name of the column of the condition on rows; '' without one."""
        if not self.has("where"):
            return ""
        section = self.section.at("where")
        expression = self.over_events(section, "a condition")
        if expression.type is not Type.BOOL:
            remedy = "compare it: event.x > 0" if expression.type.is_number else ""
            section.refuse("not a condition", "an expression over event.* that gives a bool", expression.type.value, remedy)
        return self._expression_column(expression, section)

    def window(self, default: Window | None = None) -> Window:
        """Returns the window; `default` if the definition has none."""
        if default is not None and not self.has("window"):
            return default
        return read_window(self.section.at("window"), self.template)

    def before(self) -> bool:
        """Tells whether the window excludes the event itself."""
        return self.has("include_current") and not self.section.at("include_current").flag()

    def length_ms(self, parameter: str, default_ms: int | None = None) -> int:
        """Returns a length of time in ms; `default_ms` if the definition has none."""
        if default_ms is not None and not self.has(parameter):
            return default_ms
        return read_length_ms(self.section.at(parameter))

    def measure(self, parameter: str, low: float, high: float, default: float) -> float:
        """Returns a number in [low, high]; `default` if the definition has none."""
        return self.section.at(parameter).number(low, high) if self.has(parameter) else default

    def zone(self) -> str:
        return read_zone(self.section.at("zone")) if self.has("zone") else "UTC"

    def add(self, column: RowColumn) -> str:
        """Makes rows hold `column`; returns its name."""
        self.columns[column.name] = column
        return column.name

    def text_column(self, field: str) -> str:
        """Returns the name of the column of the user, an entity, a text or the event's id, as a hash."""
        self.reads[_EVENT + field] = None
        self.column_costs_ns[_EVENT + field] = _WORD_COST_NS
        return self.add(RowColumn(_EVENT + field, Origin.TEXT, field))

    def numbers_together(self, one: str, other: str) -> tuple[str, str]:
        """Returns the columns of two numeric parameters, each missing where the other is.

        Raises:
            Refusal: `number` refuses one, or one is a boolean, or a field that no expression can name.
        """
        first, second = self.number(one), self.number(other)
        return self._number_with(one, first, second), self._number_with(other, second, first)

    def over_events(self, section: Section, what: str) -> Expression:
        """Compiles the expression in `section`, which may read only event.*.

        Raises:
            Refusal: this is no expression, or it reads features, which history does not keep.
        """
        try:
            return self._compiled(section.text(), self._known.events, section.text_place())
        except ExpressionRefusal as refusal:
            if refusal.got.partition(".")[0] != "feature":
                raise
            _refuse_feature(refusal, what)

    def over_everything(self, section: Section) -> Expression:
        """Compiles the expression in `section`, which may read event.*, feature.* and entity.*, which are facts.

        Raises:
            Refusal: this is no expression, or it reads an unknown feature; names the reader then.
        """
        try:
            expression = self._compiled(section.text(), self._known.everything, section.text_place())
        except ExpressionRefusal as refusal:
            if refusal.what != "unknown name" or not refusal.got.startswith("feature."):
                raise
            _refuse_unknown_feature(refusal, self.section.at("name").text(), self._known.features)
        self.reads |= dict.fromkeys(expression.names)
        self.cost_ns += expression.cost
        return expression

    def _number_with(self, parameter: str, column: str, other: str) -> str:
        section = self.section.at(parameter)
        try:
            expression = self._compiled(f"double({column}) + 0.0 * double({other})", self._known.events)
            return self._expression_column(expression, section)
        except ExpressionRefusal as refusal:  # it would point into a text that no user wrote
            section.refuse(refusal.what, f"numbers that can stand in an expression: {refusal.expected}", refusal.got, refusal.remedy)

    def _compiled(self, text: str, names: Names, place: Place | None = None) -> Expression:
        expression = compile_expression(text, names, place)
        self.work += expression.work
        return expression

    def _column(self, section: Section) -> tuple[str, Type]:
        field = self._field(section.text())
        if not field:
            expression = self.over_events(section, "a value")
            field = self._field(expression.canonical)
            if not field:
                return self._expression_column(expression, section), expression.type
        return (self._number_column(field), Type.DOUBLE) if field in self._known.columns else (self.text_column(field), Type.STRING)

    def _field(self, text: str) -> str:
        """Returns the field that `text` names if rows can hold it unchanged; '' otherwise."""
        field = text.removeprefix(_EVENT)
        return field if text.startswith(_EVENT) and (field in self._known.columns or field in self._known.texts) else ""

    def _number_column(self, field: str) -> str:
        self.reads[_EVENT + field] = None
        scale = float(self.schema.scales[self._known.columns[field]])
        return self.add(RowColumn(_EVENT + field, Origin.NUMBER, field, scale))

    def _expression_column(self, expression: Expression, section: Section) -> str:
        try:
            compiled(expression.canonical, self.schema)
        except ExpressionRefusal as refusal:  # the canonical text may exceed a bound that the written one keeps
            section.refuse(f"{refusal.what} once it is written out in full", refusal.expected, refusal.got)
        self.reads |= dict.fromkeys(expression.names)
        self.column_costs_ns[expression.canonical] = expression.cost
        return self.add(RowColumn(expression.canonical, Origin.EXPRESSION, expression.canonical))


def _refuse_unknown_feature(refusal: ExpressionRefusal, reader: str, features: Sequence[str]) -> NoReturn:
    name = refusal.got.removeprefix("feature.")
    raise ExpressionRefusal(
        "unknown feature",
        where=refusal.where,
        expected=f"one of features.yaml, since expression {reader} reads it",
        got=refusal.got,
        remedy=nearest_feature(name, [known for known in features if known != reader]),
        excerpt=refusal.excerpt,
    ) from None


def nearest_feature(name: str, features: Sequence[str]) -> str:
    """Returns the remedy for an unknown feature."""
    near = difflib.get_close_matches(name, features, n=1)
    return f"did you mean feature.{near[0]}?" if near else f"add a feature {name} to features.yaml, or remove it here"


def _refuse_feature(refusal: ExpressionRefusal, what: str) -> NoReturn:
    raise ExpressionRefusal(
        "a feature inside a window",
        where=refusal.where,
        expected=f"{what} over event.* alone: history keeps events, not features",
        got=refusal.got,
        remedy="compare features in a feature of its own, with expression: ...",
        excerpt=refusal.excerpt,
    ) from None
