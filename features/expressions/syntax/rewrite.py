"""Walks through the syntax tree of an expression, and makes another one with some parts replaced."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import singledispatch

from features.expressions.syntax.syntax import Call, Chain, Choice, Index, ListOf, MapOf, Node, Select, Unary

Change = Callable[[Node], Node | None]
"""Returns what stands in the place of a node; None: the node stays, and its parts are looked at."""


def rewritten(node: Node, change: Change) -> Node:
    """Returns `node` with `change` applied to it and, where that gives None, to each of its parts. What `change` gives is not looked at."""
    changed = change(node)
    return _parts_rewritten(node, change) if changed is None else changed


def nodes_of(node: Node) -> Iterator[Node]:
    """Yields `node` and all nodes inside it, each before those inside it and in the order in which they are written."""
    found: list[Node] = []

    def note(each: Node) -> None:
        found.append(each)

    rewritten(node, note)
    return iter(found)


@singledispatch
def _parts_rewritten(node: Node, change: Change) -> Node:
    """Returns `node` as it is: literals and names have no parts."""
    return node


@_parts_rewritten.register
def _select(node: Select, change: Change) -> Node:
    return replace(node, operand=rewritten(node.operand, change))


@_parts_rewritten.register
def _call(node: Call, change: Change) -> Node:
    target = None if node.target is None else rewritten(node.target, change)
    return replace(node, target=target, arguments=_all(node.arguments, change))


@_parts_rewritten.register
def _index(node: Index, change: Change) -> Node:
    return replace(node, operand=rewritten(node.operand, change), index=rewritten(node.index, change))


@_parts_rewritten.register
def _list(node: ListOf, change: Change) -> Node:
    return replace(node, items=_all(node.items, change))


@_parts_rewritten.register
def _map(node: MapOf, change: Change) -> Node:
    return replace(node, entries=tuple((rewritten(key, change), rewritten(value, change)) for key, value in node.entries))


@_parts_rewritten.register
def _unary(node: Unary, change: Change) -> Node:
    return replace(node, operand=rewritten(node.operand, change))


@_parts_rewritten.register
def _chain(node: Chain, change: Change) -> Node:
    first = rewritten(node.first, change)
    return replace(node, first=first, rest=tuple((operator, at, rewritten(operand, change)) for operator, at, operand in node.rest))


@_parts_rewritten.register
def _choice(node: Choice, change: Change) -> Node:
    condition, yes, no = _all((node.condition, node.yes, node.no), change)
    return replace(node, condition=condition, yes=yes, no=no)


def _all(nodes: tuple[Node, ...], change: Change) -> tuple[Node, ...]:
    return tuple(rewritten(node, change) for node in nodes)
