"""Reads the parts of a rule's file that need no sequence and no learned threshold. It stands in until the language is there."""

from features.definitions.fact_columns import types_of_facts
from features.expressions.expression import compile_expression
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST, Names, names_of_schema
from features.expressions.syntax.parser import read_expression
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.document import Section, read_document
from foundation.place import Place, Source
from patterns.decision_order import ACTIONS
from patterns.language.pattern import (
    SEVERITIES,
    Condition,
    Cost,
    Effective,
    Formula,
    Missing,
    Pattern,
    Promote,
    RuleException,
    Template,
    Then,
)
from patterns.rules.manifest import hash_of


def read_plain(id: str, text: str, schema: Schema, features: FeatureSet, models: tuple[str, ...]) -> Pattern:
    """Reads the rule `id` from its `text`."""
    document = read_document(text, f"patterns/{id}.yaml")
    types = names_of_schema(schema, features.names).types | types_of_facts(schema) | {f"model.{name}": Type.DOUBLE for name in models}
    names = Names(types, lists=True)
    when = _condition(document.at("when"), names)
    exceptions = tuple(
        RuleException(_condition(e.at("when"), names), e.at("owner").text(), e.at("reason").text(), e.at("expires").moment_ms())
        for e in (document.at("exceptions").items() if document.has("exceptions") else ())
    )
    effective = document.at("effective") if document.has("effective") else None
    return Pattern(
        id=id,
        version=hash_of(text),
        title=document.at("title").text(),
        why="",
        owner="",
        severity=document.at("severity").choice(SEVERITIES) if document.has("severity") else "medium",
        status="shadow",
        parameters={},
        adaptive={},
        when=when,
        sequence=None,
        missing=Missing.FALSE,
        exceptions=exceptions,
        then=_then(document.at("then"), names) if document.has("then") else Then(),
        suppress=None,
        budget=None,
        promote=Promote(),
        effective=Effective(
            effective.at("from").moment_ms() if effective and effective.has("from") else None,
            effective.at("to").moment_ms() if effective and effective.has("to") else None,
        ),
        known_gaps=(),
        tests=(),
        cost=Cost(when.cost, 0),
    )


def _formula(text: str, place: Place, names: Names) -> Formula:
    expression = compile_expression(text, names, place)
    lists = frozenset(name.split(IN_LIST)[1] for name in expression.names if IN_LIST in name)
    return Formula(text, read_expression(Source(text, place)), expression.type, expression.names, lists, place, expression.cost)


def _condition(section: Section, names: Names) -> Condition:
    f = _formula(section.text(), section.text_place(), names)
    return Condition(f.text, f.node, f.type, f.names, f.lists, f.place, f.cost)


def _then(section: Section, names: Names) -> Then:
    reason: Template | None = None
    if section.has("reason"):
        text = section.at("reason").text()
        parts: list[str | Formula] = []
        for at, part in enumerate(text.replace("}", "{").split("{")):
            parts.append(_formula(part, section.at("reason").text_place(), names) if at % 2 else part)
        reason = Template(text, tuple(parts))
    return Then(
        section.at("action").choice(ACTIONS) if section.has("action") else None,
        section.at("adjust").number(-10, 10) if section.has("adjust") else 0.0,
        (section.at("tag").text(),) if section.has("tag") else (),
        (),
        reason,
    )
