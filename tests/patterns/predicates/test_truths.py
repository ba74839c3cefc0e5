"""Why a condition holds or not is told by its predicates, with the values that they looked at."""

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_conditions import truth
from written_conditions import columns_of, condition, conditions, events

from features.expressions.functions.column import Fault
from patterns.language.pattern import Condition, Missing
from patterns.predicates.tree import Truth
from patterns.predicates.truths import truths

EVENT = dict.fromkeys(columns_of([]))


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(conditions(), st.lists(events(), min_size=1, max_size=3))
def test_the_truth_of_the_whole_is_that_of_the_plain_interpreter(rule: Condition, rows: list[dict]) -> None:
    columns = columns_of(rows)
    found = [truths(rule, columns, at).truth.name.lower() for at in range(len(rows))]
    assert found == [truth(rule.node, row, rule.missing) for row in rows]


def test_each_predicate_is_told_with_the_values_that_it_looked_at() -> None:
    rule = condition("event.amount / feature.count_1h > 2.0 && event.category in ['a', 'b'] && !(event.tries > 3)")
    row = EVENT | {"event.amount": 9.0, "feature.count_1h": 3.0, "event.category": "c"}
    whole, predicates = truths(rule, columns_of([EVENT, row]), 1)
    assert whole is Truth.FALSE
    ratio = "event.amount / feature.count_1h"
    assert [tuple(each) for each in predicates] == [
        (f"({ratio}) > 2.0", {"event.amount": 9.0, "feature.count_1h": 3.0, ratio: 3.0}, Truth.TRUE),
        ('event.category in ["a", "b"]', {"event.category": "c"}, Truth.FALSE),
        ("event.tries > 3", {"event.tries": Fault.MISSING}, Truth.MISSING),
    ]


def test_a_rule_that_skips_says_that_it_lacked_a_value_and_one_that_errs_that_it_erred() -> None:
    columns = columns_of([EVENT | {"event.tries": 0}])
    assert truths(condition("event.amount > 1.0", Missing.SKIP), columns, 0).truth is Truth.MISSING
    assert truths(condition("1 / event.tries > 1"), columns, 0).truth is Truth.ERROR
