"""Which of several labels of one event stands, and which sources a schema accepts."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.schema.label_sources import ABOVE_MAX, ANY_SOURCE, BELOW_MAX, LabelSources
from features.schema.schema import read_schema
from features.windows.row_label import standings
from foundation.refusal import Refusal

SCHEMA = "{{id: id, time: {{field: at}}, user: who, labels: {{sources: {}}}}}"
LABELS = st.tuples(st.integers(-BELOW_MAX, ABOVE_MAX), st.integers(0, 253_402_300_799_999), st.integers(0, 1))


def sources_of(listed: str) -> LabelSources:
    return read_schema(SCHEMA.format(listed)).label_sources


def test_a_chargeback_stands_above_an_analyst_who_stands_above_an_unnamed_source_and_that_above_a_rule() -> None:
    ranks = ANY_SOURCE.ranks(["chargeback", "dispute", "analyst", "customer", "", "rule", "auto"])
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(ranks)
    assert ANY_SOURCE.rank("never heard of") == ANY_SOURCE.rank("") == 0


def test_a_schema_declares_the_order() -> None:
    sources = sources_of("[court, other, guess]")
    assert sources.ranks(["court", "analyst", "", "guess"]) == [1, 0, 0, -1]


@given(st.lists(LABELS, min_size=1, max_size=20))
def test_the_number_that_labels_are_compared_by_orders_by_rank_then_time_then_positive(labels: list[tuple[int, int, int]]) -> None:
    ranks, times_ms, values = (np.array(column) for column in zip(*labels, strict=True))
    numbers = standings(values.astype(np.int8), times_ms.astype(np.int64), ranks.astype(np.int8)).tolist()
    for (one, number), (other, another) in itertools.combinations(zip(labels, numbers, strict=True), 2):
        assert (one < other, one == other) == (number < another, number == another)
    assert min(numbers) > 0


@pytest.mark.parametrize(
    ("listed", "what", "where"),
    [
        ("[]", "no source", "schema.yaml:1:58"),
        ("[a, b, a]", "source named twice", "schema.yaml:1:65"),
        ("[a, 7]", "wrong type", "schema.yaml:1:62"),
        ("[a1, a2, a3, a4, a5, a6, a7, a8]", "too many sources", "schema.yaml:1:87"),
        ("[other, a1, a2, a3, a4, a5, a6, a7, a8, a9]", "too many sources", "schema.yaml:1:98"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_its_place(listed: str, what: str, where: str) -> None:
    with pytest.raises(Refusal) as caught:
        sources_of(listed)
    assert (caught.value.what, caught.value.where) == (what, where)


def test_without_other_in_the_order_labels_of_other_sources_are_refused() -> None:
    sources = sources_of("[chargeback, analyst]")
    sources.check("analyst", 1.0)
    for source in ("chargback", ""):
        with pytest.raises(Refusal, match="source"):
            sources.check(source, 1.0)


@pytest.mark.parametrize("weight", [0.0, -1.0, 1_000.5, float("inf"), float("nan")])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(Refusal, match="weight"):
        ANY_SOURCE.check("", weight)
