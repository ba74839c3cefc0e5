"""The syntax tree of an expression: what was written, and where."""

from dataclasses import dataclass

from foundation.place import Mark


@dataclass(frozen=True, slots=True)
class Node:
    """Holds a part of an expression; `at` is where it begins, or where its operator stands."""

    at: Mark


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """Holds a literal: a bool, int, double or string as written."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """Holds a name that stands alone. `rooted` means that a dot stands before it, so that it is never a macro's variable."""

    name: str
    rooted: bool = False


@dataclass(frozen=True, slots=True)
class Select(Node):
    """Holds a selection: ``operand.field``."""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """Holds a call: ``function(arguments)``, or ``target.function(arguments)``."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index(Node):
    """Holds an index: ``operand[index]``."""

    operand: Node
    index: Node


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """Holds a list: ``[items]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf(Node):
    """Holds a map: ``{key: value}``."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """Holds a sign or negation: ``!operand`` or ``-operand``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Holds operators of one precedence, applied from the left: ``first op operand op operand``. A long chain nests no deeper."""

    first: Node
    rest: tuple[tuple[str, Mark, Node], ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """Holds a choice: ``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node


def dotted(node: Node) -> tuple[Name, str] | None:
    """Returns the first name of a dotted name and the whole of it, ``a.b.c``; None for anything else."""
    fields: list[str] = []
    while isinstance(node, Select):
        fields.append(node.field)
        node = node.operand
    return (node, ".".join([node.name, *reversed(fields)])) if isinstance(node, Name) else None
