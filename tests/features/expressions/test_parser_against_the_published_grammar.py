"""Every text is read as the published grammar reads it, with the same places, or refused by both."""

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from published_grammar import published_tree

from features.expressions.syntax.parser import read_expression
from features.expressions.syntax.syntax import Node
from foundation.place import ExpressionRefusal, Place, Source

WORDS = [
    *("event.amount", "event", "x", "in", "true", "false", "null", "size", "for", "f(", "x.map(", "has(", ".x", ".f(", "math"),
    *("1", "-1", "0x1F", "-0x1f", "2.5", "-.5", "1e3", "1.", "7u", "'a'", '"b\\n"', "r'\\'", "'''a\n'b'''", '"""c"""', "b'x'", "'open"),
    *("+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||", "!", "-", "?", ":", "=", "&", "and"),
    *("(", ")", "[", "]", "{", "}", ",", ".", ")", "]", "}", "// said\n", "\n", "\t", "é", "\0", "\\"),
]
ATOMS = ["event.amount", "x", "1", "-2", "2.5", "'a'", "true", "[]", "{}", ".y", "f()", "x.trim()"]
FORMS = [
    *("({})", "(({}))", "!{}", "-{}", "- {}", "[{}]", "[{}, {}]", "{{1: {}}}", "{{{}: {}, 'b': {}}}", "f({})", "size({}, {})"),
    *("{}.all(x, {})", "{}.a", "{}[{}]", "{} ? {} : {}", "{} + {}", "{}-{}", "{} * {}", "{} / {} % {}", "{} < {}", "{} == {} != {}"),
    *("{} in {}", "{} && {}", "{} || {}", "{}\n&& {}", "{} && {} || {} && {}", "{} + {} < {} - {} * {}"),
]


@st.composite
def written(draw: st.DrawFn, depth: int = 0) -> str:
    if depth > 4 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(ATOMS))
    form = draw(st.sampled_from(FORMS))
    parts = [draw(written(depth + 1)) for _ in range(form.replace("{{", "").count("{}"))]
    return form.format(*parts)


def of_the_grammar(text: str) -> Node | None:
    try:
        return published_tree(text)
    except ValueError:
        return None


def of_the_parser(text: str) -> Node | None:
    try:
        return read_expression(Source(text, Place()))
    except ExpressionRefusal:
        return None


@given(text=written())
@settings(max_examples=examples(400), deadline=None)
def test_expressions_are_read_as_the_grammar_reads_them(text: str) -> None:
    assert of_the_parser(text) == of_the_grammar(text)


@given(words=st.lists(st.sampled_from(WORDS), max_size=12), spaces=st.lists(st.sampled_from(["", " "]), min_size=12, max_size=12))
@settings(max_examples=examples(800), deadline=None)
def test_words_in_any_order_are_read_as_the_grammar_reads_them_or_refused(words: list[str], spaces: list[str]) -> None:
    text = "".join(word + space for word, space in zip(words, spaces, strict=False))
    assert of_the_parser(text) == of_the_grammar(text)


@pytest.mark.parametrize("text", ["x in(y)", "x in[1]", "a ? b ? c : d : e", "a ? (b ? c : d) : e", "a ? b : c ? d : e", "f(1,)", "1.5.a"])
def test_texts_at_the_edge_are_read_as_the_grammar_reads_them(text: str) -> None:
    assert of_the_parser(text) == of_the_grammar(text)


def test_the_operator_in_ends_where_its_word_does() -> None:
    assert of_the_parser("1 inside") is None  # the grammar's own lexer takes it for an operator and a name
