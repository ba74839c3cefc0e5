"""Compiles what a condition asks of earlier steps to instructions over numbers, which the kernel runs for each partial match.

The part of a condition that reads the event alone is no part of it: `split` takes it off. What is left pushes numbers and takes them off
again. Texts are compared by their hashes; NaN stands for what is missing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from features.expressions.functions.types import Type
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.parser import read_expression
from features.expressions.syntax.syntax import Call, Chain, Choice, Index, ListOf, Literal, MapOf, Name, Node, Select, Unary
from features.schema.string_hash import word_of
from foundation.place import Place, Source
from patterns.language.pattern import CAPTURES, Condition, Formula, Missing

(CONSTANT, COLUMN, COUNT, CAPTURE, ADD, SUBTRACT, MULTIPLY, DIVIDE, REMAINDER, NEGATE, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL) = range(14)
(EQUAL, UNEQUAL, AND, OR, NOT, CHOOSE, ATOM, QUOTIENT) = range(14, 22)
"""Instructions. The second word says what a push pushes, or which truth a comparison has that lacks a value: 0, 1, or 2 for none."""

_ARITHMETIC = {"+": ADD, "-": SUBTRACT, "*": MULTIPLY, "/": DIVIDE, "%": REMAINDER}
_COMPARISONS = {"<": LESS, "<=": LESS_EQUAL, ">": GREATER, ">=": GREATER_EQUAL, "==": EQUAL, "!=": UNEQUAL}
_TRUTHS = {Missing.FALSE: 0, Missing.TRUE: 1, Missing.SKIP: 2}
_READ = re.compile(rf"(\w+)\.(?:(count)|({'|'.join(CAPTURES)})\((.*)\))", re.DOTALL)
_KINDS = {name: at for at, name in enumerate(CAPTURES)}
STACK_MAX = 64


@dataclass(frozen=True)
class Read:
    """Names what is read of an earlier step's events: their `count`, or a capture of what `text` says of each."""

    step: str
    kind: str
    text: str = ""


def read_of(node: Node) -> Read | None:
    """Returns what `node` reads of an earlier step, if it is such a reading as a whole."""
    name = _path(node)
    found = _READ.fullmatch(name) if name else None
    if found is None:
        return None
    return Read(found[1], found[2] or found[3], found[4] or "")


def reads_of(formula: Formula, steps: Mapping[str, int]) -> list[Read]:
    """Returns all that a formula reads of `steps`."""
    found = (_READ.fullmatch(name) for name in formula.names)
    return [Read(each[1], each[2] or each[3], each[4] or "") for each in found if each is not None and each[1] in steps]


def split(condition: Condition, steps: Mapping[str, int]) -> tuple[Condition | None, list[Node]]:
    """Takes a condition apart: into what reads the event alone (None: nothing), and the parts that read any of `steps` as well."""
    parts = _conjuncts(condition.node)
    own = [part for part in parts if not _reads(part, steps)]
    others = [part for part in parts if _reads(part, steps)]
    if not others:
        return condition, []
    if not own:
        return None, others
    node = own[0] if len(own) == 1 else Chain(own[0].at, own[0], tuple(("&&", part.at, part) for part in own[1:]))
    mentioned = {name for part in own for name in _names(part)}
    names = {name: type for name, type in condition.names.items() if name in mentioned}
    return replace(condition, node=node, names=names), others


@dataclass
class Assembler:
    """Writes instructions for conditions of one sequence.

    Args:
        steps: numbers of its steps by name.
        captures: for each step, the texts that are captured of its events.
        column: gives the number of the column with what a part of the event says.
    """

    steps: Mapping[str, int]
    captures: list[list[str]]
    column: Callable[[Node, Formula], int]
    constants: list[float] = field(default_factory=list)

    def program(self, parts: list[Node], condition: Condition) -> list[tuple[int, int, int]]:
        """Returns the code of all `parts` of a condition together.

        Raises:
            ExpressionRefusal: something in them cannot be asked of earlier steps.
        """
        code = _Code(self, condition)
        for at, part in enumerate(parts):
            code.truth(part)
            if at:
                code.add(AND)
        if code.deepest > STACK_MAX:
            code.refuse(parts[0], f"a condition of at most {STACK_MAX} values at once")
        return code.lines


class _Code:
    def __init__(self, own: Assembler, condition: Condition) -> None:
        self._own = own
        self._condition = condition
        self._missing = _TRUTHS[condition.missing]
        self.lines: list[tuple[int, int, int]] = []
        self._depth = self.deepest = 0

    def add(self, instruction: int, a: int = 0, b: int = 0) -> None:
        self.lines.append((instruction, a, b))
        taken = {NEGATE: 0, NOT: 0, ATOM: 0, CHOOSE: -2}.get(instruction, 1 if instruction <= CAPTURE else -1)
        self._depth += taken
        self.deepest = max(self.deepest, self._depth)

    def refuse(self, node: Node, expected: str) -> NoReturn:
        source = Source(self._condition.text, self._condition.place)
        source.refuse(node.at, "not to be asked of earlier steps", expected, canonical(node), "compare the event first, with &&")

    def truth(self, node: Node) -> None:
        """Writes what leaves 0 or 1."""
        if isinstance(node, Chain) and node.rest[0][0] in ("&&", "||"):
            self.truth(node.first)
            for operator, _, operand in node.rest:
                self.truth(operand)
                self.add(AND if operator == "&&" else OR)
        elif isinstance(node, Unary) and node.operator == "!":
            self.truth(node.operand)
            self.add(NOT)
        elif isinstance(node, Choice):
            self.truth(node.condition)
            self.truth(node.yes)
            self.truth(node.no)
            self.add(CHOOSE)
        elif isinstance(node, Chain) and len(node.rest) == 1 and node.rest[0][0] in _COMPARISONS and _reads(node, self._own.steps):
            self.number(node.first)
            self.number(node.rest[0][2])
            self.add(_COMPARISONS[node.rest[0][0]], self._missing)
        else:
            self.number(node)
            self.add(ATOM, self._missing)

    def number(self, node: Node) -> None:
        """Writes what leaves a number, a hash, or NaN."""
        read = read_of(node)
        if read is not None and read.step in self._own.steps:
            self._read(read)
        elif isinstance(node, Literal):
            value = node.value
            self._own.constants.append(word_of(value) if isinstance(value, str) else float(value))
            self.add(CONSTANT, len(self._own.constants) - 1)
        elif not _reads(node, self._own.steps):
            self.add(COLUMN, self._own.column(node, self._condition))
        elif isinstance(node, Unary) and node.operator == "-":
            self.number(node.operand)
            self.add(NEGATE)
        elif isinstance(node, Choice):
            self.truth(node.condition)
            self.number(node.yes)
            self.number(node.no)
            self.add(CHOOSE)
        elif isinstance(node, Chain) and all(operator in _ARITHMETIC for operator, _, _ in node.rest):
            self.number(node.first)
            for operator, _, operand in node.rest:
                self.number(operand)
                whole = operator == "/" and self._is_whole(node.first) and self._is_whole(operand)
                self.add(QUOTIENT if whole else _ARITHMETIC[operator])
        else:
            self.refuse(node, "+ - * / %, comparisons, && || ! and ?: of numbers, and texts compared by == and !=")

    def _is_whole(self, node: Node) -> bool:
        """Tells whether a number is a whole one by its type: such are divided without a rest."""
        if isinstance(node, Literal):
            return type(node.value) is int
        name = _path(node)
        if name:
            return self._condition.names.get(name) is Type.INT
        return all(map(self._is_whole, _parts(node)))

    def _read(self, read: Read) -> None:
        step = self._own.steps[read.step]
        if read.kind == "count":
            self.add(COUNT, step)
        else:
            self.add(CAPTURE, step, self._own.captures[step].index(read.text) * len(CAPTURES) + _KINDS[read.kind])


def node_of(text: str) -> Node:
    """Returns the syntax tree of what is captured."""
    return read_expression(Source(text, Place()))


def _conjuncts(node: Node) -> list[Node]:
    if isinstance(node, Chain) and node.rest[0][0] == "&&":
        return [part for each in (node.first, *(operand for _, _, operand in node.rest)) for part in _conjuncts(each)]
    return [node]


def _reads(node: Node, steps: Mapping[str, int]) -> bool:
    read = read_of(node)
    if read is not None and read.step in steps:
        return True
    return any(_reads(part, steps) for part in _parts(node))


def _names(node: Node) -> set[str]:
    """Returns every dotted name in `node`, and what is asked of lists."""
    name = _path(node)
    found = {name} if name else set()
    if isinstance(node, Chain):
        left = _path(node.first)
        found |= {f"{left} in {_path(operand)}" for operator, _, operand in node.rest if operator == "in"}
    return found.union(*(_names(part) for part in _parts(node)))


def _path(node: Node) -> str:
    fields: list[str] = []
    while isinstance(node, Select):
        fields.append(node.field)
        node = node.operand
    return ".".join([node.name, *reversed(fields)]) if isinstance(node, Name) else ""


def _parts(node: Node) -> list[Node]:
    match node:
        case Select():
            return [node.operand]
        case Call():
            return [*node.arguments, *([node.target] if node.target is not None else [])]
        case Index():
            return [node.operand, node.index]
        case ListOf():
            return list(node.items)
        case MapOf():
            return [part for entry in node.entries for part in entry]
        case Unary():
            return [node.operand]
        case Chain():
            return [node.first, *(operand for _, _, operand in node.rest)]
        case Choice():
            return [node.condition, node.yes, node.no]
    return []
