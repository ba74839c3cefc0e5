"""Programs over numbers, truths and compared texts give as a table of steps what their kernels give, bit for bit."""

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.definitions.coded_columns import CodedColumns, code_of
from features.definitions.event_columns import EventColumns
from features.expressions.expression import Expression, compile_expression
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import Names, names_of_schema
from features.schema.batch import Batch
from features.schema.schema import read_schema

SCHEMA = read_schema("""
id: {field: id, type: string}
time: {field: ts}
user: customer
entities: [device]
fields:
  a: {type: decimal, scale: 2, required: false}
  b: {type: float, required: false}
  n: {type: integer, required: false}
  flag: {type: boolean, required: false}
  kind: {type: string, required: false}
""")
NAMES = names_of_schema(SCHEMA, ["f"])
VALUES = st.sampled_from([0.0, -0.0, 1.5, -2.25, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"), 0.1, 3.0, 300.0])
TRUTHS = st.sampled_from([0.0, 1.0, float("nan")])
EVENTS = st.tuples(VALUES, VALUES, TRUTHS, VALUES, st.sampled_from(["x", "y", "", None]), st.sampled_from(["x", "z", ""]))
NUMBERS = st.deferred(
    lambda: (
        st.sampled_from(["event.a", "event.b", "feature.f", "0.1", "3.0", "double(event.a)"])
        | st.tuples(NUMBERS, st.sampled_from("+-*/"), NUMBERS).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})")
        | NUMBERS.map(lambda text: f"-({text})")
        | st.tuples(CONDITIONS, NUMBERS, NUMBERS).map(lambda parts: f"(({parts[0]}) ? {parts[1]} : {parts[2]})")
    )
)
COMPARED = st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS | st.just("3")).map(" ".join)
TEXTS = st.tuples(
    st.sampled_from(["event.kind", "event.device", "event.customer", "event.id"]),
    st.sampled_from(['== "x"', '!= "x"', '== ""', 'in ["x", "q"]', 'in ["x", "y", "", "q"]']),
).map(" ".join)
ASKED = st.sampled_from(["a", "b", "kind", "device", "flag"]).map(lambda field: f"has(event.{field})")
CONDITIONS = st.deferred(
    lambda: (
        COMPARED
        | TEXTS
        | ASKED
        | st.sampled_from(["event.flag", "event.b in [0.0, 1.5, 0.1]", "event.flag == true"])
        | CONDITIONS.map(lambda text: f"!({text})")
        | st.tuples(CONDITIONS, st.sampled_from(["&&", "||", "==", "!="]), CONDITIONS).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        )
    )
)


def batch_of(rows: list[tuple]) -> Batch:
    n, whole = len(rows), np.arange(len(rows))
    a, b, flag, _, kinds, devices = zip(*rows, strict=True)
    numbers = np.column_stack([a, b, np.zeros(n), flag])
    users = ["x" if row % 2 else "anna" for row in range(n)]
    return Batch([f"{row}" for row in range(n)], whole, whole, whole, users, {"device": [*devices]}, numbers, whole, {"kind": [*kinds]})


def by_columns(expression: Expression, batch: Batch, features: np.ndarray) -> np.ndarray:
    columns = EventColumns(expression.names, SCHEMA).of(batch)
    return expression.over(columns | {"feature.f": Column.of_numbers(Type.DOUBLE, features)}).numbers()


@settings(max_examples=examples(150))
@given(NUMBERS.map("{} + event.b".format) | CONDITIONS.map("({}) == event.flag".format), st.lists(EVENTS, min_size=1, max_size=5))
def test_a_table_of_steps_gives_what_columns_give(text: str, rows: list[tuple]) -> None:
    expression, batch = compile_expression(text, NAMES), batch_of(rows)
    code = code_of(expression, {"feature.f": 0}, SCHEMA)
    assert code is not None, text
    out = np.column_stack([[row[3] for row in rows], np.empty(len(rows))])
    CodedColumns([(1, code)], {"feature.f": 0}, SCHEMA).write(batch, out)
    expected = by_columns(expression, batch, out[:, 0].copy())
    assert np.array_equal(out[:, 1], expected, equal_nan=True), text
    shown = ~np.isnan(expected)
    assert out[shown, 1].tobytes() == expected[shown].tobytes(), text


@pytest.mark.parametrize("text", ["event.n + 1 > 3", "event.kind == event.device", 'event.kind > "x"', "event.kind.size() > 3", "event.b"])
def test_what_computes_with_anything_else_has_no_table(text: str) -> None:
    assert code_of(compile_expression(text, NAMES), {}, SCHEMA) is None


def test_an_expression_that_reads_what_is_no_field_of_events_has_no_table() -> None:
    names = Names({"entity.device.blocked": Type.BOOL, "event.b": Type.DOUBLE})
    assert code_of(compile_expression("entity.device.blocked && event.b > 1.0", names), {}, SCHEMA) is None
