"""Expressions that mean the same by their structure have one canonical text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_expressions import NAMES, events, written

from features.expressions.expression import compile_expression
from features.expressions.functions.types import Type

ALIKE = {
    "spaces": ("event.i   +\n event.j", "event.i + event.j"),
    "comments": ("event.i // the first\n + event.j", "event.i + event.j"),
    "needless parentheses": ("(event.i) + ((event.j))", "event.i + event.j"),
    "quotes": ("event.s == 'a'", 'event.s == "a"'),
    "escapes": (r"event.s == '\u0061\n'", r'event.s == "a\n"'),
    "hexadecimal numbers": ("event.i == 0x10", "event.i == 16"),
    "needed parentheses": ("( event.i+event.j )*event.i", "(event.i + event.j) * event.i"),
    "signs": ("- (event.i)", "-event.i"),
    "macros": ("[1,2].exists( x , x==event.i )", "[1, 2].exists(x, x == event.i)"),
    "maps": ("{'a':1}['a']", '{"a": 1}["a"]'),
    "beyond the largest double": ("event.d < 1e999", "event.d < 1e999"),
    "choices": ("(event.b?1:2)+3", "(event.b ? 1 : 2) + 3"),
}


@pytest.mark.parametrize(("text", "wanted"), ALIKE.values(), ids=ALIKE.keys())
def test_what_does_not_count_is_left_out(text: str, wanted: str) -> None:
    assert compile_expression(text, NAMES).canonical == wanted


@pytest.mark.slow
@settings(deadline=None)
@given(st.sampled_from(list(Type)).flatmap(written), events(missing=True))
def test_the_canonical_text_means_the_same(text: str, row: dict) -> None:
    first = compile_expression(text, NAMES)
    again = compile_expression(first.canonical, NAMES)
    assert repr(again.of(row)) == repr(first.of(row))
    assert again.canonical == first.canonical
