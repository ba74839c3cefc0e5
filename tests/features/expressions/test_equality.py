"""Which expressions can be answered from hashes of texts."""

import pytest

from features.expressions.syntax.equality import literals, only_equality
from features.expressions.syntax.parser import read_expression
from foundation.place import Place, Source

TEXTS = {"event.a", "event.b"}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('event.a == "x"', True),
        ('event.n > 3.0 && (event.a != "x" || event.b in ["y", "z"])', True),
        ("event.a == event.b", True),
        ("has(event.a) ? event.n : 0.0", True),
        ('event.a.startsWith("x")', False),
        ('event.a < "x"', False),
        ("size(event.a) > 3", False),
        ('event.a + "y" == "xy"', False),
        ('(event.n > 3.0 ? event.a : event.b) == "x"', False),
        ("event.a", False),
    ],
)
def test_only_equality_is_told_from_all_other_uses_of_texts(text: str, right: bool) -> None:
    assert only_equality(read_expression(Source(text, Place())), TEXTS) is right


def test_all_texts_that_stand_in_an_expression_are_found() -> None:
    node = read_expression(Source('event.a in ["x", "y"] && event.n > 1.0 || event.b == "z"', Place()))
    assert sorted(literals(node)) == ["x", "y", "z"]
