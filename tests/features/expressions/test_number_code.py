"""Programs over doubles give as a table of steps, run by compiled loops, what their kernels over columns give, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.definitions.row_kernels import compute
from features.expressions.expression import compile_expression
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.number_code import packed

NAMES = {"event.a": Type.DOUBLE, "event.b": Type.DOUBLE}
VALUES = st.sampled_from([0.0, -0.0, 1.5, -2.25, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"), 0.1])


def texts() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["event.a", "event.b", "0.1", "3.0", "double(event.a)"])
    numbers = st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
            inner.map(lambda text: f"-({text})"),
        ),
        max_leaves=6,
    )
    compared = st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers)
    return st.one_of(numbers, compared.map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"))


@given(texts(), st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5))
def test_a_table_of_steps_gives_what_columns_give(text: str, rows: list[tuple[float, float]]) -> None:
    expression = compile_expression(text, Names(NAMES))
    code = expression.number_code
    if code is None:  # a constant, or a name alone
        assert not expression.names or text.replace("double(", "").strip("()") in NAMES
        return
    numbers = np.array(rows, np.float64)
    columns = {name: Column.of_numbers(Type.DOUBLE, np.ascontiguousarray(numbers[:, at])) for at, name in enumerate(NAMES)}
    out = np.empty((len(rows), 1))
    compute(numbers, *packed([code], {name: at for at, name in enumerate(NAMES)}), np.zeros(1, np.int64), out)
    expected = expression.over(columns).numbers()
    assert np.array_equal(out[:, 0], expected, equal_nan=True)
    shown = ~np.isnan(expected)
    assert out[shown, 0].tobytes() == expected[shown].tobytes()


@pytest.mark.parametrize("text", ["event.n + 1 > 3", "event.a > 1.0 && event.b > 1.0", "event.a > 1.0 ? event.a : event.b", "has(event.a)"])
def test_what_computes_with_anything_but_doubles_has_no_table(text: str) -> None:
    assert compile_expression(text, Names({**NAMES, "event.n": Type.INT})).number_code is None
