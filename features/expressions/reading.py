"""From the parser's tree to `syntax`: chains made flat, literals read, nesting bounded."""

from collections.abc import Callable
from typing import Any, NoReturn

import lark

from features.expressions.bounds import LIST_LENGTH_MAX, NESTING_MAX
from features.expressions.grammar import is_reserved, parse_tree
from features.expressions.literals import BadLiteral, double_of, integer_of, string_of
from features.expressions.place import Mark, Source
from features.expressions.syntax import Call, Chain, Choice, Index, ListOf, Literal, MapOf, Name, Node, Select, Unary

_Tree = lark.Tree[lark.Token]
_OPERATORS = {
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
_UNSUPPORTED = {
    "UINT_LIT": ("uint", "an int: leave the u out"),
    "BYTES_LIT": ("bytes", "a string: leave the b out"),
    "NULL_LIT": ("null", "has(event.x) to ask whether a value is there"),
}
_LITERALS: dict[str, Callable[[str], bool | int | float | str]] = {
    "INT_LIT": integer_of,
    "FLOAT_LIT": double_of,
    "STRING_LIT": string_of,
    "MLSTRING_LIT": string_of,
    "BOOL_LIT": "true".__eq__,
}


def read_expression(source: Source) -> Node:
    """What `source` says.

    Raises:
        ExpressionRefusal: it is not in the language, too long, too deep, or has a literal that is not supported.
    """
    return _Reader(source).read(parse_tree(source), 0)


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, tree: _Tree, depth: int) -> Node:
        """The node of any rule. Rules that only hand on their one child are skipped without recursion."""
        while len(tree.children) == 1 and tree.data in _HANDED_ON:
            tree = _child(tree, 0)
        if depth > NESTING_MAX:
            self._source.refuse(_start(tree), "nested too deeply", f"at most {NESTING_MAX} levels", "more")
        read: Callable[[_Tree, int], Node] = getattr(self, f"_{tree.data}")
        return read(tree, depth + 1)

    def _expr(self, tree: _Tree, depth: int) -> Node:
        condition, yes, no = (self.read(_child(tree, at), depth) for at in range(3))
        return Choice(_start(tree), condition, yes, no)

    def _conditionalor(self, tree: _Tree, depth: int) -> Node:
        return self._logical(tree, depth, "||")

    def _conditionaland(self, tree: _Tree, depth: int) -> Node:
        return self._logical(tree, depth, "&&")

    def _logical(self, tree: _Tree, depth: int, operator: str) -> Node:
        rule, rest = tree.data, []
        while tree.data == rule and len(tree.children) == 2:
            right = _child(tree, 1)
            rest.append((operator, _start(right), self.read(right, depth)))
            tree = _child(tree, 0)
        return Chain(_start(tree), self.read(tree, depth), tuple(reversed(rest)))

    def _binary(self, tree: _Tree, depth: int) -> Node:
        rule, rest = tree.data, []
        while tree.data == rule and len(tree.children) == 2:
            left, right = _child(tree, 0), _child(tree, 1)
            operator = _OPERATORS[left.data]
            at = Mark(left.meta.end_line, left.meta.end_column - len(operator))
            rest.append((operator, at, self.read(right, depth)))
            tree = _child(left, 0)
        return Chain(_start(tree), self.read(tree, depth), tuple(reversed(rest)))

    _relation = _addition = _multiplication = _binary

    def _unary(self, tree: _Tree, depth: int) -> Node:
        operator = "!" if _child(tree, 0).data == "unary_not" else "-"
        return Unary(_start(tree), operator, self.read(_child(tree, 1), depth))

    def _member_dot(self, tree: _Tree, depth: int) -> Node:
        token = self._selector(tree, 1)
        return Select(_mark(token), self.read(_child(tree, 0), depth), str(token))

    def _member_dot_arg(self, tree: _Tree, depth: int) -> Node:
        token = self._selector(tree, 1)
        return Call(_mark(token), str(token), self.read(_child(tree, 0), depth), self._arguments(tree, 2, depth))

    def _member_index(self, tree: _Tree, depth: int) -> Node:
        return Index(_start(_child(tree, 1)), self.read(_child(tree, 0), depth), self.read(_child(tree, 1), depth))

    def _member_object(self, tree: _Tree, depth: int) -> NoReturn:
        self._source.refuse(_start(tree), "messages are not supported", "a value", "a message in braces")

    def _dot_ident_arg(self, tree: _Tree, depth: int) -> Node:
        return self._ident_arg(tree, depth)

    def _ident_arg(self, tree: _Tree, depth: int) -> Node:
        token = self._identifier(tree)
        return Call(_mark(token), str(token), None, self._arguments(tree, 1, depth))

    def _dot_ident(self, tree: _Tree, depth: int) -> Node:
        token = self._identifier(tree)
        return Name(_mark(token), str(token), rooted=True)

    def _ident(self, tree: _Tree, depth: int) -> Node:
        token = self._identifier(tree)
        return Name(_mark(token), str(token))

    def _list_lit(self, tree: _Tree, depth: int) -> Node:
        return ListOf(_start(tree), self._arguments(tree, 0, depth))

    def _map_lit(self, tree: _Tree, depth: int) -> Node:
        parts = _child(tree, 0).children if tree.children else []
        self._bounded(tree, len(parts) // 2)
        nodes = [self.read(_as_tree(part), depth) for part in parts]
        return MapOf(_start(tree), tuple(zip(nodes[::2], nodes[1::2], strict=True)))

    def _literal(self, tree: _Tree, depth: int) -> Node:
        token = _token(tree, 0)
        if token.type in _UNSUPPORTED:
            what, remedy = _UNSUPPORTED[token.type]
            self._source.refuse(_mark(token), f"{what} is not supported", "a bool, int, double or string", str(token), f"write {remedy}")
        try:
            return Literal(_mark(token), _LITERALS[token.type](str(token)))
        except BadLiteral as error:
            at = _inside(token, error.offset)
            self._source.refuse(at, error.what, error.expected, error.got)

    def _arguments(self, tree: _Tree, at: int, depth: int) -> tuple[Node, ...]:
        if len(tree.children) <= at:
            return ()
        items = _child(tree, at).children
        self._bounded(tree, len(items))
        return tuple(self.read(_as_tree(item), depth) for item in items)

    def _bounded(self, tree: _Tree, length: int) -> None:
        if length > LIST_LENGTH_MAX:
            self._source.refuse(_start(tree), "list too long", f"at most {LIST_LENGTH_MAX} elements", f"{length} elements")

    def _identifier(self, tree: _Tree) -> lark.Token:
        token = _token(tree, 0)
        if is_reserved(token):
            self._source.refuse(_mark(token), "reserved word", "a name that the language does not keep for itself", str(token))
        return token

    def _selector(self, tree: _Tree, at: int) -> lark.Token:
        selector = _token(tree, at)
        if str(selector) == "in":
            self._source.refuse(_mark(selector), "reserved word", "a name that the language does not keep for itself", "in")
        return selector


_HANDED_ON = {
    *("expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member", "primary"),
    "paren_expr",
}


def _child(tree: _Tree, at: int) -> _Tree:
    return _as_tree(tree.children[at])


def _as_tree(part: Any) -> _Tree:
    assert isinstance(part, lark.Tree)
    return part


def _token(tree: _Tree, at: int) -> lark.Token:
    token = tree.children[at]
    assert isinstance(token, lark.Token)
    return token


def _start(tree: _Tree) -> Mark:
    return Mark(tree.meta.line, tree.meta.column)


def _mark(token: lark.Token) -> Mark:
    return Mark(token.line or 1, token.column or 1)


def _inside(token: lark.Token, offset: int) -> Mark:
    before = str(token)[:offset].split("\n")
    at = _mark(token)
    return Mark(at.line + len(before) - 1, at.column + offset if len(before) == 1 else len(before[-1]) + 1)
