"""Finds expressions that only test texts for equality: they can be computed from hashes alone."""

from collections.abc import Collection, Iterator
from dataclasses import fields

from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import Call, Chain, ListOf, Literal, Name, Node, Select

_EQUALITY = frozenset(("==", "!=", "in"))


def only_equality(node: Node, texts: Collection[str]) -> bool:
    """Tells whether `node` uses the text names in `texts` only in ``==``, ``!=``, ``in`` and ``has()``."""
    if _is_text(node, texts):
        return False
    if isinstance(node, Chain) and all(operator in _EQUALITY for operator, _, _ in node.rest):
        operands = [node.first, *(operand for _, _, operand in node.rest)]
        return all(_is_comparable(operand, texts) or only_equality(operand, texts) for operand in operands)
    if isinstance(node, Call) and node.function == "has":
        return True
    return all(only_equality(child, texts) for child in _children(node))


def literals(node: Node) -> Iterator[str]:
    """Yields the text literals of `node`."""
    if isinstance(node, Literal) and isinstance(node.value, str):
        yield node.value
    for child in _children(node):
        yield from literals(child)


def _is_text(node: Node, texts: Collection[str]) -> bool:
    return isinstance(node, Name | Select) and canonical(node) in texts


def _is_comparable(node: Node, texts: Collection[str]) -> bool:
    if isinstance(node, ListOf):
        return all(_is_comparable(item, texts) for item in node.items)
    return isinstance(node, Literal) or _is_text(node, texts)


def _children(node: Node) -> Iterator[Node]:
    for field in fields(node):
        yield from _nodes(getattr(node, field.name))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
