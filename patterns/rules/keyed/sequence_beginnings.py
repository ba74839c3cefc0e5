"""Tells which sequences begin from what profiles retain, and which begin with nothing."""

from collections.abc import Iterator

from features.expressions.syntax.syntax import Chain, Choice, ListOf, Literal, Node, Unary, dotted
from features.schema.schema import Schema
from patterns.language.pattern import Pattern
from patterns.sequences.plan.programs import reads_of

_EVENT = "event."
_OF_TEXTS = frozenset(("&&", "||", "==", "!=", "in"))


def lacks_history(pattern: Pattern, schema: Schema) -> str:
    """Returns why the sequence of a rule begins with nothing in a profile that has history; '' if it begins from history.

    History is rows of retained fields: numbers as they are, and texts as hashes, which can only be compared for equality. A rule without a
    sequence has nothing to begin with.
    """
    sequence = pattern.sequence
    if sequence is None:
        return ""
    if sequence.key != schema.user:
        return f"the history of a {sequence.key} does not say which events its rows are"
    if sequence.strict:
        return "select: strict counts events of the key that no step takes"
    steps = {step.name: at for at, step in enumerate(sequence.steps)}
    texts = {field.name for field in schema.fields if not field.is_number and field.retain}
    numbers = {field.name for field in schema.fields if field.is_number and field.retain} | {schema.time_field}
    for condition in (*sequence.conditions, *(() if pattern.when is None else (pattern.when,))):
        captured = [read.text for read in reads_of(condition, steps) if read.text]
        own = [name for name in condition.names if name.partition(".")[0] not in steps]
        for name in (*own, *captured):
            field = name.removeprefix(_EVENT)
            if not name.startswith(_EVENT) or field not in texts | numbers:
                return f"{name} is not retained"
            if field in texts and (name in captured or not _compares(condition.node, name)):
                return f"of {name} only a hash is retained, which can be compared with == and in"
    return ""


def _compares(node: Node, name: str) -> bool:
    """Tells whether a condition does nothing with the text `name` but compare it for equality with constants."""
    if not _mentions(node, name):
        return True
    if isinstance(node, Unary) and node.operator == "!":
        return _compares(node.operand, name)
    if isinstance(node, Choice):
        return all(_compares(part, name) for part in (node.condition, node.yes, node.no))
    if not isinstance(node, Chain) or not {operator for operator, _, _ in node.rest} <= _OF_TEXTS:
        return False
    parts = [node.first, *(part for _, _, part in node.rest)]
    if {operator for operator, _, _ in node.rest} <= {"&&", "||"}:
        return all(_compares(part, name) for part in parts)
    return all(_is_constant(part) or _is(part, name) for part in parts)


def _is_constant(node: Node) -> bool:
    return (isinstance(node, Literal) and node.value != "") or (isinstance(node, ListOf) and all(map(_is_constant, node.items)))


def _is(node: Node, name: str) -> bool:
    found = dotted(node)
    return found is not None and found[1] == name


def _mentions(node: Node, name: str) -> bool:
    if _is(node, name):
        return True
    parts = [getattr(node, field) for field in node.__dataclass_fields__]
    return any(_mentions(part, name) for part in _nodes_in(parts))


def _nodes_in(parts: object) -> Iterator[Node]:
    if isinstance(parts, Node):
        yield parts
    elif isinstance(parts, list | tuple):
        for part in parts:
            yield from _nodes_in(part)
