"""Writes an expression canonically: spaces, comments and needless parentheses do not matter."""

import math
from functools import singledispatch

from features.expressions.syntax.syntax import Call, Chain, Choice, Index, ListOf, Literal, MapOf, Name, Node, Select, Unary

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


@singledispatch
def canonical(node: Node) -> str:
    """Returns the text of `node`, which compiles to what `node` means."""
    raise TypeError(f"no text for {type(node).__name__}")


@canonical.register
def _literal(node: Literal) -> str:
    value = node.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    return repr(value) if math.isfinite(value) else ("1e999" if value > 0 else "-1e999")


@canonical.register
def _name(node: Name) -> str:
    return f".{node.name}" if node.rooted else node.name


@canonical.register
def _select(node: Select) -> str:
    return f"{_operand(node.operand)}.{node.field}"


@canonical.register
def _call(node: Call) -> str:
    target = f"{_operand(node.target)}." if node.target is not None else ""
    return f"{target}{node.function}({_listed(node.arguments)})"


@canonical.register
def _index(node: Index) -> str:
    return f"{_operand(node.operand)}[{canonical(node.index)}]"


@canonical.register
def _list(node: ListOf) -> str:
    return f"[{_listed(node.items)}]"


@canonical.register
def _map(node: MapOf) -> str:
    return "{" + ", ".join(f"{canonical(key)}: {canonical(value)}" for key, value in node.entries) + "}"


@canonical.register
def _unary(node: Unary) -> str:
    return f"{node.operator}{_operand(node.operand)}"


@canonical.register
def _chain(node: Chain) -> str:
    return _part(node.first) + "".join(f" {operator} {_part(operand)}" for operator, _, operand in node.rest)


@canonical.register
def _choice(node: Choice) -> str:
    return f"{_part(node.condition)} ? {_part(node.yes)} : {_part(node.no)}"


def _listed(nodes: tuple[Node, ...]) -> str:
    return ", ".join(canonical(node) for node in nodes)


def _part(node: Node) -> str:
    """Writes an operand beside an operator."""
    return f"({canonical(node)})" if isinstance(node, Chain | Choice) else canonical(node)


def _operand(node: Node) -> str:
    """Writes an operand before a dot or index, or after a sign, where even numbers need parentheses."""
    if isinstance(node, Literal):
        return canonical(node) if isinstance(node.value, str | bool) else f"({canonical(node)})"
    return f"({canonical(node)})" if isinstance(node, Unary | Chain | Choice) else canonical(node)
