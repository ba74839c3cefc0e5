"""The syntax tree of an expression: what was written, and where."""

from dataclasses import dataclass

from foundation.place import Mark


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of an expression; `at` is where it begins, or where its operator stands."""

    at: Mark


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A bool, int, double or string as written."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name that stands alone. `rooted` means that a dot stands before it, so that it is never a macro's variable."""

    name: str
    rooted: bool = False


@dataclass(frozen=True, slots=True)
class Select(Node):
    """``operand.field``."""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``function(arguments)``, or ``target.function(arguments)``."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``operand[index]``."""

    operand: Node
    index: Node


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """``[items]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf(Node):
    """``{key: value}``."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``!operand`` or ``-operand``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Operators of one precedence, applied from the left: ``first op operand op operand``. Its depth does not grow with its length."""

    first: Node
    rest: tuple[tuple[str, Mark, Node], ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node
