"""One language, three ways to run it: a batch, one event at a time, and Google's own evaluator."""

import datetime
import math

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from written_expressions import EPOCH, FIELDS, NAMES, events, written

from features.expressions.expression import compile_expression
from features.expressions.functions.column import Column, Fault
from features.expressions.functions.types import Type

RESULTS = list(Type)
DOUBLES = (0.0, -0.0, 1.0, -2.5, 0.1, 0.1 + 0.2, 99999.5, 999999.0, 1e6, 1234567.0, 1e15, 1e21, 1e-4, 1.5e-5, 5e-324, 1.8e308, -1e300)


def columns_of(rows: list[dict]) -> dict[str, Column]:
    return {name: Column.of_values(type, [row[name] for row in rows]) for name, type in FIELDS.items()}


@settings(max_examples=examples(60))
@given(st.sampled_from(RESULTS).flatmap(written), st.lists(events(missing=True), min_size=1, max_size=7))
def test_a_batch_answers_as_its_events_one_by_one(text: str, rows: list[dict]) -> None:
    expression = compile_expression(text, NAMES)
    column = expression.over(columns_of(rows))
    assert column.type is expression.type
    assert [same(column.item(at)) for at in range(len(rows))] == [same(expression.of(row)) for row in rows]


@settings(max_examples=examples(100))
@given(st.sampled_from(RESULTS).flatmap(written), events(missing=True))
def test_an_event_is_answered_as_google_does(text: str, row: dict) -> None:
    ours = compile_expression(text, NAMES).of(row)
    assert ("error" if isinstance(ours, Fault) else same(ours)) == googles(text, row), text


@pytest.mark.parametrize("value", DOUBLES)
def test_a_double_is_written_as_google_writes_it(value: float) -> None:
    row = dict.fromkeys(FIELDS) | {"event.d": value}
    assert same(compile_expression("string(event.d)", NAMES).of(row)) == googles("string(event.d)", row)


def googles(text: str, row: dict) -> object:
    cel = pytest.importorskip("cel_expr_python.cel")
    times = {name: cel.Type.TIMESTAMP for name, type in FIELDS.items() if type is Type.TIMESTAMP}
    environment = cel.NewEnv(variables={"event": cel.Type.Map(cel.Type.STRING, cel.Type.DYN), **times})
    there = {name: value for name, value in row.items() if value is not None}
    event = {name.removeprefix("event."): value for name, value in there.items() if name not in times}
    clocks = {name: EPOCH + datetime.timedelta(microseconds=there[name]) for name in times if name in there}
    result = environment.compile(text, disable_check=True).eval(data={"event": event, **clocks})
    if result.type() == cel.Type.ERROR:
        return "error"
    value = result.value()
    if isinstance(value, datetime.datetime):
        value = value - EPOCH
    return same(value // datetime.timedelta(microseconds=1) if isinstance(value, datetime.timedelta) else value)


def same(value: object) -> object:
    """The value in a form in which nan equals nan, and 0.0 is not -0.0."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else (value, math.copysign(1.0, value))
    return (type(value), value) if not isinstance(value, Fault) else value
