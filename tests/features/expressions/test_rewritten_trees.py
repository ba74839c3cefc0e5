"""The tree of an expression is walked in the order of its text, and made anew with parts replaced."""

import pytest

from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.parser import read_expression
from features.expressions.syntax.rewrite import nodes_of, rewritten
from features.expressions.syntax.syntax import Literal, Name, Node, dotted
from foundation.place import Mark, Place, Source

WRITTEN = [
    "a + b * c - d",
    "f(a, [b, c]).g(d)",
    "a ? b : c",
    "{a: b, c: d}[e]",
    "!a && -b > c || [d].all(e, e)",
    "a.x + b.y.z",
]


def tree_of(text: str) -> Node:
    return read_expression(Source(text, Place()))


@pytest.mark.parametrize("text", WRITTEN)
def test_a_tree_in_which_nothing_is_replaced_is_the_same(text: str) -> None:
    assert rewritten(tree_of(text), lambda node: None) == tree_of(text)


@pytest.mark.parametrize("text", WRITTEN)
def test_names_are_found_in_the_order_of_the_text(text: str) -> None:
    names = [node.name for node in nodes_of(tree_of(text)) if isinstance(node, Name)]
    assert names == sorted(names)


@pytest.mark.parametrize("text", WRITTEN)
def test_every_name_can_be_replaced(text: str) -> None:
    changed = rewritten(tree_of(text), lambda node: Literal(node.at, 7) if isinstance(node, Name) else None)
    assert not [node for node in nodes_of(changed) if isinstance(node, Name)]


def test_what_stands_in_a_place_is_not_replaced_again() -> None:
    changed = rewritten(tree_of("a + a"), lambda node: Name(node.at, "a.b") if isinstance(node, Name) else None)
    assert canonical(changed) == "a.b + a.b"


def test_a_dotted_name_is_one_name_from_its_first_part_on() -> None:
    assert dotted(tree_of("a.b.c")) == (Name(Mark(1, 1), "a"), "a.b.c")
    assert dotted(tree_of("f(a).b")) is None
