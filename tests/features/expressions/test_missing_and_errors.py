"""What an expression gives where an event lacks a value, and where there is no answer."""

import numpy as np
import pytest

from features.expressions.expression import compile_expression
from features.expressions.functions.column import Column, Fault
from features.expressions.functions.types import Type
from features.expressions.names import Names, names_of_schema
from features.schema.schema import read_schema

NAMES = Names(
    {
        "event.x": Type.DOUBLE,
        "event.n": Type.INT,
        "event.s": Type.STRING,
        "event.b": Type.BOOL,
        "event.at": Type.TIMESTAMP,
        "feature.count_1h": Type.DOUBLE,
    }
)
NOTHING: dict = {}


def of(text: str, values: dict = NOTHING) -> object:
    return compile_expression(text, NAMES).of(values)


@pytest.mark.parametrize(
    "text",
    [
        "event.x + 1.0",
        "event.x > 3.0",
        "event.n % 2 == 0",
        "-event.n",
        "event.s == 'a'",
        "event.s < 'a'",
        "event.s + 'a'",
        "event.s.size()",
        "event.s.matches('a')",
        "event.s in ['a', 'b']",
        "event.x in []",
        "'a' in ['a', event.s]",
        "[1.0, event.x].size()",
        "[event.n].exists(n, true)",
        "{'a': event.x}['a']",
        "{'a': 1.0}[event.s]",
        "!event.b",
        "event.b && true",
        "true && event.b",
        "event.b || false",
        "event.b ? 1 : 2",
        "event.b ? event.x : 2.0",
        "double(event.n)",
        "event.at.getHours('Europe/Paris')",
        "int(event.at)",
        "math.greatest(event.x, 1.0)",
        "feature.count_1h",
    ],
)
def test_what_needs_a_missing_value_is_missing(text: str) -> None:
    assert of(text) is Fault.MISSING


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("has(event.x) && event.x > 3.0", False),
        ("event.x > 3.0 && has(event.x)", False),
        ("!has(event.x) || event.x > 3.0", True),
        ("event.x > 3.0 || true", True),
        ("event.b && false", False),
        ("has(event.x) ? event.x : 0.0", 0.0),
        ("true ? 1.0 : event.x", 1.0),
        ("false ? event.n / 0 : 1", 1),
        ("[1, 2].exists(n, n == 2 || event.n == n)", True),
        ("[1, 2].all(n, n == 1 && event.n == n)", False),
        ("[1, 2].filter(n, n == 2).size()", 1),
    ],
)
def test_what_does_not_need_a_missing_value_has_an_answer(text: str, value: object) -> None:
    assert of(text) == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1 / event.n", Fault.DIVIDED_BY_ZERO),
        ("1 % event.n", Fault.DIVIDED_BY_ZERO),
        ("event.n - 9223372036854775807 - 2", Fault.OUT_OF_RANGE),
        ("int(1e300 + event.x)", Fault.OUT_OF_RANGE),
        ("[1, 2][event.n + 2]", Fault.OUT_OF_RANGE),
        ("{'a': 1}[event.s]", Fault.NO_SUCH_KEY),
        ("int(event.s)", Fault.NOT_CONVERTIBLE),
        ("event.at - timestamp('0001-01-01T00:00:00Z') > duration('1s')", Fault.OUT_OF_RANGE),
        ("[1 / event.n, 1].exists(n, n == 1)", Fault.DIVIDED_BY_ZERO),
    ],
)
def test_what_has_no_answer_is_an_error_of_its_kind(text: str, fault: Fault) -> None:
    assert of(text, {"event.n": 0, "event.x": 0.0, "event.s": "z", "event.at": 0}) is fault


@pytest.mark.parametrize(("n", "sizes"), [(0, 0), (3, 1)])
def test_what_a_filter_leaves_out_is_not_computed(n: int, sizes: int) -> None:
    assert of("[0, event.n].filter(x, x != 0).map(y, 6 / y).size()", {"event.n": n}) == sizes
    assert of("[0, event.n].filter(x, x != 0).exists(y, 6 / y == 2)", {"event.n": n}) is (n == 3)
    assert of("[0, event.n].filter(x, x != 0).all(y, 6 / y == 2)", {"event.n": n}) is True


def test_a_fault_in_what_a_filter_keeps_is_one_of_the_whole() -> None:
    assert of("[0, event.n].filter(x, x < 3).map(y, 6 / y).size()", {"event.n": 5}) is Fault.DIVIDED_BY_ZERO
    assert of("[1, event.n].filter(x, 6 / x > 0).size()", {"event.n": 0}) is Fault.DIVIDED_BY_ZERO


def test_an_error_shows_before_a_missing_value() -> None:
    assert of("1 / event.n == 1 && event.b", {"event.n": 0}) is Fault.DIVIDED_BY_ZERO
    assert of("event.b && 1 / event.n == 1", {"event.n": 0}) is Fault.DIVIDED_BY_ZERO


def test_doubles_divide_by_zero_as_ieee_754_has_it() -> None:
    assert of("1.0 / event.x", {"event.x": 0.0}) == float("inf")
    assert of("0.0 / event.x == 0.0 / event.x", {"event.x": 0.0}) is False


def test_a_condition_without_a_value_is_false_and_a_feature_without_one_is_nan() -> None:
    columns = {"event.n": Column.of_values(Type.INT, [0, None, 2])}
    assert compile_expression("2 / event.n > 0", NAMES).over(columns).truths().tolist() == [False, False, True]
    numbers = compile_expression("2 / event.n", NAMES).over(columns).numbers()
    assert np.array_equal(numbers, [np.nan, np.nan, 1.0], equal_nan=True)
    assert np.array_equal(compile_expression("event.n == 2", NAMES).over(columns).numbers(), [0.0, np.nan, 1.0], equal_nan=True)


def test_columns_are_made_of_what_a_batch_holds() -> None:
    minor = np.array([1999.0, np.nan, 5.0])
    assert [Column.of_numbers(Type.DOUBLE, minor, 100.0).item(at) for at in range(3)] == [19.99, Fault.MISSING, 0.05]
    assert [Column.of_numbers(Type.INT, minor).item(at) for at in range(3)] == [1999, Fault.MISSING, 5]
    assert [Column.of_numbers(Type.BOOL, np.array([1.0, 0.0, np.nan])).item(at) for at in range(3)] == [True, False, Fault.MISSING]
    assert [Column.of_texts(["a", None, ""]).item(at) for at in range(3)] == ["a", Fault.MISSING, ""]
    assert [Column.of_ids(["a", "", "b"]).item(at) for at in range(3)] == ["a", Fault.MISSING, "b"]
    assert Column.of_times_ms(np.array([1_500])).item(0) == 1_500_000


def test_a_constant_answers_for_every_event() -> None:
    column = compile_expression("'a' + 'b'", NAMES).over({"event.n": Column.of_values(Type.INT, [1, 2, 3])})
    assert [column.item(at) for at in range(3)] == ["ab", "ab", "ab"]


def test_an_expression_says_what_it_reads_and_gives() -> None:
    expression = compile_expression("event.x > 1.0 && feature.count_1h > event.x", NAMES)
    assert dict(expression.names) == {"event.x": Type.DOUBLE, "feature.count_1h": Type.DOUBLE}
    assert expression.type is Type.BOOL
    assert 0 < expression.cost < 50


def test_a_column_of_another_type_is_no_input() -> None:
    with pytest.raises(TypeError, match=r"event\.x is a int column where a double is read"):
        compile_expression("event.x > 1.0", NAMES).over({"event.x": Column.of_values(Type.INT, [1])})


def test_a_macros_variable_hides_a_name_and_a_leading_dot_shows_it() -> None:
    names = Names({"x": Type.INT, "event.n": Type.INT})
    assert compile_expression("[1].exists(x, x == 1)", names).of({"x": 5}) is True
    assert compile_expression("[1].exists(x, .x == 5)", names).of({"x": 5}) is True
    assert compile_expression("[{'n': 7}].exists(event, event.n == 7)", names).of({"event.n": 5}) is True


def test_the_names_of_a_schema_have_the_types_of_its_fields() -> None:
    schema = read_schema(
        """
        id: {field: tx, type: integer}
        time: {field: ts, unit: ms}
        user: customer
        entities: [card]
        fields:
          amount: {type: decimal}
          card_data.country: {type: string}
          items: {type: integer}
          online: {type: boolean}
        """
    )
    assert names_of_schema(schema, ["count_1h"]).types == {
        "event.tx": Type.INT,
        "event.ts": Type.TIMESTAMP,
        "event.customer": Type.STRING,
        "event.card": Type.STRING,
        "event.amount": Type.DOUBLE,
        "event.card_data.country": Type.STRING,
        "event.items": Type.INT,
        "event.online": Type.BOOL,
        "feature.count_1h": Type.DOUBLE,
    }
