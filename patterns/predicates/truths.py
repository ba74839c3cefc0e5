"""Says of one event why a condition holds or not: each atomic predicate with the values that it looked at, and its truth."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.types import Type
from patterns.language.pattern import Condition, Missing
from patterns.predicates.atoms import Atom, Attribute
from patterns.predicates.cells import column_of
from patterns.predicates.form import Forms
from patterns.predicates.spans import Spans, is_nan, number_of_double
from patterns.predicates.text_numbers import TextNumbers
from patterns.predicates.tree import MISSING_MEANS, Either, Junction, Leaf, Not, Tree, Truth, atoms_of, constant_truth


class PredicateTruth(NamedTuple):
    """Says what an atomic predicate is for an event.

    Args:
        text: the predicate, canonically written.
        values: what it looked at, by name; a `Fault` where there is no value. Times are in microseconds. An expression that is compared
            with constants is there by its text.
        truth: MISSING where a value is missing and ERROR where it could not be computed, whatever the rule takes these for; UNKNOWN where
            a value is not known any more, and not among `values`.
    """

    text: str
    values: Mapping[str, Value | Fault]
    truth: Truth


class ConditionTruth(NamedTuple):
    """Says what a condition is for an event.

    Args:
        truth: of the whole, after the rule's say on missing values; MISSING: the rule skips the event; UNKNOWN: it depends on values that
            are not known any more.
        predicates: each atomic predicate once, in the order in which they are written.
    """

    truth: Truth
    predicates: tuple[PredicateTruth, ...]


def truths(
    condition: Condition,
    columns: Mapping[str, Column],
    row: int,
    forms: Forms | None = None,
    unknown: Collection[str] = frozenset(),
) -> ConditionTruth:
    """Returns why a condition holds, or does not, for the event at `row`. About 20 µs for each predicate.

    Args:
        columns: at least those that the condition reads and that are not `unknown`.
        forms: where the condition is compiled already.
        unknown: names whose values are not known any more: what follows without them is said all the same.
    """
    forms = Forms() if forms is None else forms
    tree = forms.of(condition).tree
    one = {name: _at(columns[name], row) for name in condition.names if name not in unknown}
    found = {atom: _truth_of(atom, one, forms.texts) for atom in dict.fromkeys(atoms_of(tree))}
    return ConditionTruth(_whole(tree, found, condition.missing), tuple(found.values()))


def _at(column: Column, row: int) -> Column:
    if not column.values.ndim:
        return column.spread(1)
    faults = None if column.faults is None else column.faults[row : row + 1]
    return Column(column.type, column.values[row : row + 1], faults, column.texts)


def _truth_of(atom: Atom, one: Mapping[str, Column], texts: TextNumbers) -> PredicateTruth:
    attribute = atom.attribute
    if attribute is None:
        return PredicateTruth(atom.text, {}, constant_truth(atom))
    values = {name: one[name].item(0) for name in attribute.reads if name in one}
    if len(values) < len(attribute.reads):
        return PredicateTruth(atom.text, values, Truth.UNKNOWN)
    value = column_of(attribute, one, 1).item(0)
    if attribute.program is not None and attribute.text != atom.text:
        values[attribute.text] = value
    return PredicateTruth(atom.text, values, _of_value(atom, attribute, value, texts))


def _of_value(atom: Atom, attribute: Attribute, value: Value | Fault, texts: TextNumbers) -> Truth:
    if isinstance(value, Fault):
        if atom.presence:
            return Truth.FALSE if value is Fault.MISSING else Truth.TRUE
        return Truth.MISSING if value is Fault.MISSING else Truth.ERROR
    holds = atom.nan if is_nan(value) else _holds(atom.spans, _number(attribute.type, value, texts))
    return Truth.TRUE if holds else Truth.FALSE


def _holds(spans: Spans, number: int) -> bool:
    return any(low <= number <= high for low, high in spans)


def _number(type: Type, value: Value, texts: TextNumbers) -> int:
    if isinstance(value, str):
        return texts.known.get(value, texts.OTHER)
    return number_of_double(float(value)) if type is Type.DOUBLE else int(value)


def _whole(tree: Tree, found: Mapping[Atom, PredicateTruth], missing: Missing) -> Truth:
    if isinstance(tree, Leaf):
        truth = found[tree.atom].truth
        return MISSING_MEANS[missing] if truth is Truth.MISSING else truth
    if isinstance(tree, Not):
        inside = _whole(tree.part, found, missing)
        return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE}.get(inside, inside)
    if isinstance(tree, Either):
        asked = _whole(tree.condition, found, missing)
        return asked if asked > Truth.TRUE else _whole(tree.yes if asked is Truth.TRUE else tree.no, found, missing)
    return _junction(tree, [_whole(part, found, missing) for part in tree.parts])


def _junction(tree: Junction, parts: list[Truth]) -> Truth:
    decides = Truth.FALSE if tree.all else Truth.TRUE
    return decides if decides in parts else max(parts)
