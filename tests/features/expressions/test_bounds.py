"""Nobody who can write an expression can hold up the stream with it, or reach out of it."""

from collections.abc import Iterator

import pytest
from forked_python import ForkedPython

from features.expressions.expression import compile_expression
from features.expressions.functions.column import Fault
from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.syntax import bounds
from foundation.place import ExpressionRefusal

NAMES = Names({"event.s": Type.STRING, "event.i": Type.INT, "event.b": Type.BOOL})


LONG = f"[{', '.join(['1'] * 300)}]"


_IMPORTS = """
from features.expressions.expression import compile_expression
from features.expressions.names import Names
from foundation.place import ExpressionRefusal
"""


@pytest.fixture(scope="module")
def python() -> Iterator[ForkedPython]:
    made = ForkedPython(_IMPORTS)
    yield made
    made.close()


def refused(text: str) -> str:
    with pytest.raises(ExpressionRefusal) as caught:
        compile_expression(text, NAMES)
    return caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        "!" * 8_000 + "true",
        "-" * 8_000 + "event.i",
        "[" * 4_000 + "]" * 4_000,
        "{1:" * 4_000 + "1" + "}" * 4_000,
        "size(" * 2_000 + "'a'" + ")" * 2_000,
        "event.b ? 1 : " * 1_000 + "2",
        "event.s" + ".trim()" * 2_000,
        "event" + ".s" * 4_000,
        "{'a': 1}" + "['a']" * 2_000,
    ],
)
def test_what_nests_deeply_is_refused(text: str) -> None:
    assert refused(text) == "nested too deeply"


def test_operators_in_a_row_and_parentheses_around_parentheses_do_not_nest() -> None:
    assert compile_expression("(" * 8_000 + "1" + ")" * 8_000, NAMES).of({}) == 1
    assert compile_expression(" || ".join(["event.b"] * 800), NAMES).of({"event.b": True}) is True
    assert compile_expression(" + ".join(["event.i"] * 800), NAMES).of({"event.i": 1}) == 800
    assert compile_expression(" && ".join(["event.i > 0"] * 500), NAMES).of({"event.i": 1}) is True


def test_nesting_as_deep_as_the_language_asks_for_is_taken() -> None:
    assert compile_expression("(" * 32 + "7" + ")" * 32, NAMES).of({}) == 7
    assert compile_expression("event.b ? 1 : " * 24 + "2", NAMES).of({"event.b": False}) == 2


def test_an_expression_that_is_too_long_is_refused() -> None:
    assert refused("1 + " * bounds.TEXT_LENGTH_MAX + "1") == "expression too long"


def test_a_list_that_is_too_long_is_refused() -> None:
    assert refused(f"event.i in [{', '.join(['1'] * (bounds.LIST_LENGTH_MAX + 1))}]") == "list too long"
    half = f"[{', '.join(['1'] * 600)}]"
    assert refused(f"event.i in {half} + {half}") == "list too long"


def test_a_list_of_a_thousand_constants_is_one_cheap_step() -> None:
    expression = compile_expression(f"event.i in [{', '.join(str(n) for n in range(1_000))}]", NAMES)
    assert expression.of({"event.i": 999}) is True
    assert expression.of({"event.i": 1_000}) is False
    assert expression.cost < 500


@pytest.mark.parametrize(
    "text",
    [
        "[0,1].all(a, " * 20 + "event.i > 0" + ")" * 20,
        "".join(f"[0,1].all(a{n}, " for n in range(20)) + "true" + ")" * 20,
        f"[{', '.join(['1'] * 400)}].all(x, [{', '.join(['1'] * 400)}].all(y, x + y < event.i))",
        f"{LONG}.map(a, {LONG}.map(b, {LONG}.map(c, c))).size() > 0",
        f"{LONG}.map(a, {LONG}.map(b, {LONG})).size() > 0",
        "[1]" + ".map(x, [x, x])" * 20 + " == [1]" + ".map(x, [x, x])" * 20,
        " || ".join(f"event.s.matches('a{n}')" for n in range(30)),
    ],
)
def test_what_would_multiply_its_work_is_refused_when_compiled(text: str) -> None:
    assert refused(text) in ("expression too costly", "expression too large")


def test_lists_that_double_without_growing_cost_nothing() -> None:
    doubled = "[event.i].filter(x, false)"
    for _ in range(11):
        doubled = f"[{doubled}].map(l, l + l)[0]"
    assert compile_expression(f"{doubled}.size()", NAMES).of({"event.i": 1}) == 0


def test_a_text_that_doubles_ends_in_an_error_and_not_in_memory() -> None:
    doubled = "event.s" + ".replace('a', 'aaaaaaaaaa')" * 12
    assert compile_expression(doubled, NAMES).of({"event.s": "a"}) is Fault.TOO_LONG
    assert compile_expression("event.s + event.s", NAMES).of({"event.s": "a" * 40_000}) is Fault.TOO_LONG


def test_a_pattern_that_would_backtrack_takes_time_in_proportion_to_the_text() -> None:
    evil = compile_expression("event.s.matches('^(a+)+$')", NAMES)
    assert evil.of({"event.s": "a" * 60_000 + "b"}) is False
    assert evil.of({"event.s": "a" * 70_000}) is Fault.TOO_LONG


@pytest.mark.parametrize(
    "pattern", ["((((a{100}){100}){100}){100})", "(a{1000}){1000}", "x" * 513, "(?P<n>a)(?P=n)", "(?<!a)b", "a{1001}", "\\\\pL{60}"]
)
def test_a_pattern_that_is_too_large_or_needs_backtracking_is_refused(pattern: str) -> None:
    assert refused(f"event.s.matches('{pattern}')") == "bad regular expression"


@pytest.mark.parametrize("text", ['"' + "\\\\" * 3_000, "'''" + "\\a" * 3_000, 'r"' + "a" * 8_000, "b'" + "\\x" * 3_000, "/" * 8_000])
def test_an_unfinished_string_is_refused_without_backtracking(python: ForkedPython, text: str) -> None:
    assert python.run("import sys; sys.setrecursionlimit(400)\n" + _COMPILE.format(text=text), {}).strip() == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "__class__",
        "event.__class__",
        "event.s.__class__",
        "event.s.__len__()",
        "event.s.format(1)",
        "'{0.__class__}'.format(1)",
        "__import__('os')",
        "eval('1')",
        "open('x')",
        "[].__class__",
        "{}.__class__",
        "size.__globals__",
        "math.__loader__",
        "math.inf",
        "math.floor.__call__(1.0)",
        "true.real",
        "(1).real",
        "event['s']",
        "_term(1)",
        "event.s.all",
        "lambda: 1",
        "[x for x in [1]]",
    ],
)
def test_no_name_reaches_python(text: str) -> None:
    assert refused(text)


_COMPILE = (
    _IMPORTS
    + """
try:
    compile_expression({text!r}, Names({{}}))
except ExpressionRefusal:
    print("refused")
"""
)


def test_no_evaluator_of_others_is_ever_loaded(python: ForkedPython) -> None:
    program = _COMPILE.format(text="1 + 1") + "\nimport sys; print(sorted({'celpy', 'lark', 'pendulum', 'jmespath'} & set(sys.modules)))"
    assert python.run(program, {}).strip() == "[]"
