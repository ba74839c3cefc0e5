"""Parses the text of an expression into `syntax`, in one pass whose time is proportional to the text.

Open brackets and open parts of a choice stand on a stack of levels, so that no text can exhaust Python's own stack. Each level
gathers operators of one precedence into one `Chain`; an operator that binds less tightly closes the chains that bind more tightly.
"""

import bisect
import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from features.expressions.syntax.bounds import LIST_LENGTH_MAX, NESTING_MAX, TEXT_LENGTH_MAX
from features.expressions.syntax.habits import remedy_for
from features.expressions.syntax.literals import BadLiteral, double_of, integer_of, string_of
from features.expressions.syntax.syntax import Call, Chain, Choice, Index, ListOf, Literal, MapOf, Name, Node, Select, Unary
from features.expressions.syntax.tokens import OPERATOR, RESERVED, SPACE, VALUE
from foundation.place import Mark, Source

_PRECEDENCES = {"||": 1, "&&": 2, **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3), "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}
_LOGICAL_MAX = 2
_READERS: dict[str, Callable[[str], int | float | str]] = {"int": integer_of, "float": double_of, "string": string_of}
_UNSUPPORTED = {
    "uint": ("uint", "an int: leave the u out"),
    "bytes": ("bytes", "a string: leave the b out"),
    "null": ("null", "has(event.x) to ask whether a value is there"),
}
_OPENED = {"(": "group", "[": "list", "{": "key"}
_CLOSED_BY = {
    "whole": "", "group": ")", "arguments": "),", "list": "],", "index": "]", "key": ":", "entry": "},", "yes": ":",
}  # fmt: skip
"""By kind of level, the tokens that may end a value in it."""
_EMPTY = {"arguments": ")", "list": "]", "key": "}"}
"""By kind of level, the token that may follow its opening at once."""
_WORDS = {")": "a closing )", "]": "a closing ]", "}": "a closing }", ":": "a colon", ",": "a comma"}
_END = "the end of the expression"


class _Operand(NamedTuple):
    """Holds a complete value: its node, the offset of its first character, and its nesting depth."""

    node: Node
    start: int
    height: int


class _Chain:
    """Collects operands of one precedence, and the operator after the last of them."""

    __slots__ = ("at", "first", "height", "operator", "precedence", "rest", "start")

    def __init__(self, precedence: int, first: _Operand) -> None:
        self.precedence = precedence
        self.first, self.start, self.height = first.node, first.start, first.height
        self.rest: list[tuple[str, Mark, Node]] = []
        self.operator, self.at = "", 0


class _Level:
    """Describes something open: the whole, a bracket, or a part of a choice.

    Args:
        start: offset at which its value will begin; a call or an index begins with its target.
        function: name of the call and its offset.
        target: the operand that the call or the index applies to.
    """

    __slots__ = ("chains", "function", "items", "kind", "prefixes", "start", "target")

    def __init__(self, kind: str, start: int, target: _Operand | None = None, function: tuple[str, int] = ("", 0)) -> None:
        self.kind, self.start, self.target, self.function = kind, start, target, function
        self.chains: list[_Chain] = []
        self.prefixes: list[tuple[str, int]] = []
        self.items: list[_Operand] = []


def read_expression(source: Source) -> Node:
    """Parses `source`.

    Raises:
        ExpressionRefusal: the text is empty, not in the language, too long, too deep, or has a literal that is not supported.
    """
    if len(source.text) > TEXT_LENGTH_MAX:
        source.refuse(Mark(1, 1), "expression too long", f"at most {TEXT_LENGTH_MAX} characters", f"{len(source.text)} characters")
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", source.text))]
        self._at = 0
        self._levels = [_Level("whole", 0)]
        self._operand: _Operand | None = None

    def whole(self) -> Node:
        """Returns the node of the whole text."""
        while self._levels:
            if self._operand is None:
                self._take_value()
            else:
                self._take_operator(self._operand)
        assert self._operand is not None
        return self._operand.node

    def _take_value(self) -> None:
        """Takes one token where a value is due."""
        start = self._at = self._after_space()
        match = VALUE.match(self._text, start)
        if match is None:
            self._refuse_word(start)
        kind, word = str(match.lastgroup), match[0]
        level = self._levels[-1]
        if kind == "close" and not self._is_empty(level, word):
            self._refuse_word(start)
        self._at = match.end()
        if kind == "name":
            self._take_name(word, start, start)
        elif kind == "sign":
            level.prefixes.append((word, start))
        elif kind == "open":
            self._levels.append(_Level(_OPENED[word], start))
        elif kind == "close":
            self._finish(self._levels.pop())
        elif kind == "dot":
            name, at = self._name_behind_dot()
            self._take_name(name, at, start, rooted=True)
        else:
            self._stand(self._literal(kind, word, start), start)

    def _take_operator(self, operand: _Operand) -> None:
        """Takes one token after a value."""
        start = self._at = self._after_space()
        match = OPERATOR.match(self._text, start)
        if match is None:
            self._end(start)
            return
        kind, word = match.lastgroup, match[0]
        self._at = match.end()
        if kind == "operator":
            self._chain(word, start)
        elif kind == "close":
            self._close(word, start)
        elif kind == "dot":
            self._member(operand)
        elif kind == "choice":
            self._choose(start)
        elif word == "[":
            self._levels.append(_Level("index", operand.start, operand))
            self._operand = None
        else:
            self._source.refuse(self._mark(operand.start), "messages are not supported", "a value", "a message in braces")

    def _take_name(self, name: str, at: int, start: int, rooted: bool = False) -> None:
        if not rooted and name in ("true", "false"):
            self._stand(Literal(self._mark(at), name == "true"), start)
        elif not rooted and name == "null":
            self._refuse_literal("null", name, at)
        elif name in RESERVED:
            self._refuse_reserved(name, at)
        elif not self._opens_arguments():
            self._stand(Name(self._mark(at), name, rooted), start)
        else:
            self._levels.append(_Level("arguments", start, None, (name, at)))

    def _member(self, operand: _Operand) -> None:
        name, at = self._name_behind_dot()
        if name == "in":
            self._refuse_reserved(name, at)
        if self._opens_arguments():
            self._levels.append(_Level("arguments", operand.start, operand, (name, at)))
            self._operand = None
        else:
            self._stand(Select(self._mark(at), operand.node, name), operand.start, operand)

    def _name_behind_dot(self) -> tuple[str, int]:
        at = self._after_space()
        match = VALUE.match(self._text, at)
        if match is None or match.lastgroup != "name" or match[0] in ("true", "false"):
            self._refuse_word(at, "a name")
        self._at = match.end()
        return match[0], at

    def _opens_arguments(self) -> bool:
        at = self._after_space()
        opens = self._text.startswith("(", at)
        if opens:
            self._at = at + 1
        return opens

    def _literal(self, kind: str, word: str, start: int) -> Node:
        if kind in _UNSUPPORTED:
            self._refuse_literal(kind, word, start)
        try:
            return Literal(self._mark(start), _READERS[kind](word))
        except BadLiteral as error:
            self._source.refuse(self._mark(start + error.offset), error.what, error.expected, error.got)

    def _signed(self, level: _Level) -> _Operand:
        """Returns the current value, with the signs before it applied."""
        assert self._operand is not None
        while level.prefixes:
            operator, start = level.prefixes.pop()
            self._stand(Unary(self._mark(start), operator, self._operand.node), start, self._operand)
        return self._operand

    def _chain(self, operator: str, at: int) -> None:
        level, precedence = self._levels[-1], _PRECEDENCES[operator]
        operand = self._folded(level, precedence)
        chains = level.chains
        if chains and chains[-1].precedence == precedence:
            self._extend(chains[-1], operand)
        else:
            chains.append(_Chain(precedence, operand))
        chains[-1].operator, chains[-1].at = operator, at
        self._operand = None

    def _folded(self, level: _Level, precedence: int) -> _Operand:
        """Returns the current value, after closing the chains of `level` that bind more tightly than `precedence`."""
        operand = self._signed(level)
        while level.chains and level.chains[-1].precedence > precedence:
            chain = level.chains.pop()
            self._extend(chain, operand)
            node = Chain(self._mark(chain.start), chain.first, tuple(chain.rest))
            operand = self._checked(_Operand(node, chain.start, chain.height + 1))
        return operand

    def _extend(self, chain: _Chain, operand: _Operand) -> None:
        at = self._mark(operand.start if chain.precedence <= _LOGICAL_MAX else chain.at)
        chain.rest.append((chain.operator, at, operand.node))
        chain.height = max(chain.height, operand.height)

    def _choose(self, at: int) -> None:
        level = self._levels[-1]
        if level.kind == "yes":
            self._refuse_word(at)
        condition = self._folded(level, 0)
        self._levels.append(_Level("yes", condition.start, condition))
        self._operand = None

    def _close(self, word: str, at: int) -> None:
        if word not in self._closers():
            self._refuse_word(at)
        operand = self._value_of_level()
        level = self._levels[-1]
        self._operand = None
        level.items.append(operand)
        if level.kind == "yes":
            level.kind = "no"
        elif level.kind == "key" or word == ",":
            level.kind = {"key": "entry", "entry": "key"}.get(level.kind, level.kind)
        else:
            self._finish(self._levels.pop())

    def _value_of_level(self) -> _Operand:
        """Returns the value of the innermost level, and closes its choices, which no bracket closes."""
        while True:
            level = self._levels[-1]
            operand = self._folded(level, 0)
            if level.kind != "no":
                return operand
            assert level.target is not None
            condition, yes = level.target, level.items[0]
            node = Choice(self._mark(condition.start), condition.node, yes.node, operand.node)
            self._levels.pop()
            self._stand(node, condition.start, condition, yes, operand)

    def _finish(self, level: _Level) -> None:
        """Makes the value of a closed bracket."""
        start, items = level.start, level.items
        nodes = tuple(item.node for item in items)
        length = len(items) // 2 if level.kind in ("entry", "key") else len(items)
        if length > LIST_LENGTH_MAX:
            self._source.refuse(self._mark(start), "list too long", f"at most {LIST_LENGTH_MAX} elements", f"{length} elements")
        if level.kind == "group":
            self._operand = items[0]._replace(start=start)
        elif level.kind == "list":
            self._stand(ListOf(self._mark(start), nodes), start, *items)
        elif level.kind == "index":
            assert level.target is not None
            self._stand(Index(self._mark(items[0].start), level.target.node, nodes[0]), start, level.target, *items)
        elif level.kind == "arguments":
            name, at = level.function
            target = level.target.node if level.target else None
            self._stand(Call(self._mark(at), name, target, nodes), start, *items, *([level.target] if level.target else []))
        else:
            self._stand(MapOf(self._mark(start), tuple(zip(nodes[::2], nodes[1::2], strict=True))), start, *items)

    def _stand(self, node: Node, start: int, *inside: _Operand) -> None:
        self._operand = self._checked(_Operand(node, start, 1 + max((each.height for each in inside), default=0)))

    def _checked(self, operand: _Operand) -> _Operand:
        if operand.height > NESTING_MAX + 1:
            self._source.refuse(operand.node.at, "nested too deeply", f"at most {NESTING_MAX} levels", "more")
        return operand

    def _end(self, at: int) -> None:
        if at < len(self._text) or self._closers():
            self._refuse_word(at)
        self._operand = self._value_of_level()
        self._levels.pop()

    def _closers(self) -> str:
        """Returns the tokens that may end the current value; none at the end of the whole."""
        kind = next(level.kind for level in reversed(self._levels) if level.kind != "no")
        return _CLOSED_BY[kind]

    def _is_empty(self, level: _Level, word: str) -> bool:
        return _EMPTY.get(level.kind) == word and not (level.items or level.chains or level.prefixes)

    def _after_space(self) -> int:
        match = SPACE.match(self._text, self._at)
        assert match is not None
        return match.end()

    def _mark(self, offset: int) -> Mark:
        if len(self._line_starts) == 1:
            return Mark(1, offset + 1)
        line = bisect.bisect_right(self._line_starts, offset)
        return Mark(line, offset - self._line_starts[line - 1] + 1)

    def _refuse_reserved(self, name: str, at: int) -> NoReturn:
        self._source.refuse(self._mark(at), "reserved word", "a name that the language does not reserve", name)

    def _refuse_literal(self, kind: str, word: str, at: int) -> NoReturn:
        what, remedy = _UNSUPPORTED[kind]
        self._source.refuse(self._mark(at), f"{what} is not supported", "a bool, int, double or string", word, f"write {remedy}")

    def _refuse_word(self, at: int, expected: str = "") -> NoReturn:
        """Refuses what stands at `at`, where `expected` is due; by default what the innermost level allows."""
        mark, expected = self._mark(at), expected or self._expected(at)
        if at == len(self._text):
            self._source.refuse(mark, "not finished", expected, _END, remedy_for(self._text, at, ""))
        match = VALUE.match(self._text, at) or OPERATOR.match(self._text, at)
        if match:
            self._source.refuse(mark, "not in the language", expected, match[0], remedy_for(self._text, at, match[0]))
        rest = self._text[at:]
        if rest[0] in "'\"":
            self._source.refuse(mark, "unfinished string", f"a closing {rest[0]}", rest)
        expected = "an operator" if self._operand else "a value"
        self._source.refuse(mark, "not in the language", expected, rest, remedy_for(self._text, at, rest[0]))

    def _expected(self, at: int) -> str:
        level = self._levels[-1]
        if self._operand is None:
            closing = _EMPTY.get(level.kind, "")
            words = ["a value", *([_WORDS[closing]] if self._is_empty(level, closing) else [])]
        else:
            closers = self._closers()
            words = [word for sign, word in _WORDS.items() if sign in closers] if closers else [_END]
            if at < len(self._text) and self._text[at] not in _WORDS:  # otherwise brackets are the fault
                words.insert(0, "an operator")
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
