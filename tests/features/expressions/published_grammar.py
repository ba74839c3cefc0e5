"""An expression read by the grammar that cel-python publishes: what the parser is compared with."""

import functools
import importlib.util
import pathlib
from collections.abc import Callable
from typing import Any

import lark
from lark.lexer import PatternRE, TerminalDef

from features.expressions.syntax.literals import double_of, integer_of, string_of
from features.expressions.syntax.syntax import Call, Chain, Choice, Index, ListOf, Literal, MapOf, Name, Node, Select, Unary
from features.expressions.syntax.tokens import RESERVED
from foundation.place import Mark

LONG = r"""(?:'''(?:[^\\']|\\[\s\S]|'(?!''))*'''|\"\"\"(?:[^\\"]|\\[\s\S]|"(?!""))*\"\"\")"""
LONG_RAW = r"""(?:[rR]'''(?:[^']|'(?!''))*'''|[rR]\"\"\"(?:[^"]|"(?!""))*\"\"\")"""
SHORT = r"""(?:'(?:[^\\'\r\n]|\\[^\r\n])*'|"(?:[^\\"\r\n]|\\[^\r\n])*")"""
SHORT_RAW = r"""(?:[rR]'[^'\r\n]*'|[rR]"[^"\r\n]*")"""
STRINGS = {
    "MLSTRING_LIT": f"(?:{LONG}|{LONG_RAW})",
    "STRING_LIT": f"(?:{SHORT}|{SHORT_RAW})",
    "BYTES_LIT": f"[bB](?:{LONG}|{LONG_RAW}|{SHORT}|{SHORT_RAW})",
}
"""The published patterns let an escaped quote end a string."""
OPERATORS = {
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_in": "in",
    "addition_add": "+",
    "addition_sub": "-",
    "multiplication_mul": "*",
    "multiplication_div": "/",
    "multiplication_mod": "%",
}
LITERALS: dict[str, Callable[[str], bool | int | float | str]] = {
    "INT_LIT": integer_of,
    "FLOAT_LIT": double_of,
    "STRING_LIT": string_of,
    "MLSTRING_LIT": string_of,
    "BOOL_LIT": "true".__eq__,
}


class NotInTheLanguageError(ValueError):
    """The grammar, or what is read of it, does not have such a text."""


def published_tree(text: str) -> Node:
    """The node of `text`.

    Raises:
        NotInTheLanguageError, ValueError: there is none.
    """
    try:
        return read(parser().parse(text))
    except lark.exceptions.LarkError as error:
        raise NotInTheLanguageError from error


@functools.cache
def parser() -> lark.Lark:
    package = importlib.util.find_spec("celpy")
    assert package is not None
    assert package.origin is not None
    return lark.Lark(
        pathlib.Path(package.origin).with_name("cel.lark").read_text(encoding="utf-8"),
        parser="lalr",
        start="expr",
        propagate_positions=True,
        maybe_placeholders=False,
        edit_terminals=mended,
        lexer_callbacks={"IDENT": boolean},
    )


def mended(terminal: TerminalDef) -> TerminalDef:
    if terminal.name in STRINGS:
        terminal.pattern = PatternRE(STRINGS[terminal.name])
    return terminal


def boolean(token: lark.Token) -> lark.Token:
    return lark.Token.new_borrow_pos("BOOL_LIT", token.value, token) if token.value in ("true", "false") else token


def read(tree: Any) -> Node:
    while len(tree.children) == 1 and tree.data in HANDED_ON:
        tree = tree.children[0]
    return READERS[tree.data](tree)


def start(tree: Any) -> Mark:
    return Mark(tree.meta.line, tree.meta.column)


def mark(token: Any) -> Mark:
    return Mark(token.line, token.column)


def choice(tree: Any) -> Node:
    condition, yes, no = (read(child) for child in tree.children)
    return Choice(start(tree), condition, yes, no)


def logical(tree: Any) -> Node:
    rule, rest = tree.data, []
    while tree.data == rule and len(tree.children) == 2:
        right = tree.children[1]
        rest.append(("||" if rule == "conditionalor" else "&&", start(right), read(right)))
        tree = tree.children[0]
    return Chain(start(tree), read(tree), tuple(reversed(rest)))


def binary(tree: Any) -> Node:
    rule, rest = tree.data, []
    while tree.data == rule and len(tree.children) == 2:
        left, right = tree.children
        operator = OPERATORS[left.data]
        rest.append((operator, Mark(left.meta.end_line, left.meta.end_column - len(operator)), read(right)))
        tree = left.children[0]
    return Chain(start(tree), read(tree), tuple(reversed(rest)))


def unary(tree: Any) -> Node:
    operator, operand = tree.children
    return Unary(start(tree), "!" if operator.data == "unary_not" else "-", read(operand))


def arguments(tree: Any, at: int) -> tuple[Node, ...]:
    return tuple(read(item) for item in tree.children[at].children) if len(tree.children) > at else ()


def name(token: Any) -> str:
    if str(token) in RESERVED:
        raise NotInTheLanguageError
    return str(token)


def member(token: Any) -> str:
    if str(token) == "in":
        raise NotInTheLanguageError
    return str(token)


def map_of(tree: Any) -> Node:
    nodes = [read(part) for part in tree.children[0].children] if tree.children else []
    return MapOf(start(tree), tuple(zip(nodes[::2], nodes[1::2], strict=True)))


def literal(tree: Any) -> Node:
    (token,) = tree.children
    if token.type not in LITERALS:
        raise NotInTheLanguageError
    return Literal(mark(token), LITERALS[token.type](str(token)))


def refused(tree: Any) -> Node:
    raise NotInTheLanguageError


READERS: dict[str, Callable[[Any], Node]] = {
    "expr": choice,
    "conditionalor": logical,
    "conditionaland": logical,
    "relation": binary,
    "addition": binary,
    "multiplication": binary,
    "unary": unary,
    "member_dot": lambda tree: Select(mark(tree.children[1]), read(tree.children[0]), member(tree.children[1])),
    "member_dot_arg": lambda tree: Call(mark(tree.children[1]), member(tree.children[1]), read(tree.children[0]), arguments(tree, 2)),
    "member_index": lambda tree: Index(start(tree.children[1]), read(tree.children[0]), read(tree.children[1])),
    "member_object": refused,
    "dot_ident_arg": lambda tree: Call(mark(tree.children[0]), name(tree.children[0]), None, arguments(tree, 1)),
    "ident_arg": lambda tree: Call(mark(tree.children[0]), name(tree.children[0]), None, arguments(tree, 1)),
    "dot_ident": lambda tree: Name(mark(tree.children[0]), name(tree.children[0]), rooted=True),
    "ident": lambda tree: Name(mark(tree.children[0]), name(tree.children[0])),
    "list_lit": lambda tree: ListOf(start(tree), arguments(tree, 0)),
    "map_lit": map_of,
    "literal": literal,
}
HANDED_ON = {
    *("expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member", "primary"),
    "paren_expr",
}
