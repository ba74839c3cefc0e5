"""Conditions that are asked together answer as each one does by itself."""

import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_conditions import truth
from written_conditions import columns_of, condition, conditions, events
from written_expressions import FIELDS as EXPRESSION_FIELDS
from written_expressions import NAMES as EXPRESSION_NAMES
from written_expressions import events as rows_of_expressions
from written_expressions import written

from features.expressions.expression import compile_expression
from features.expressions.functions.column import Column, Fault
from features.expressions.functions.types import Type
from features.expressions.program import Program
from patterns.language.pattern import Missing
from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.form import Forms

EVENT = dict.fromkeys(columns_of([]))


def answers(set_: ConditionSet, rows: list[dict]) -> tuple[list, Counter, Counter]:
    fired = set_.find_many(columns_of(rows), len(rows))
    pairs = list(zip(fired.events.tolist(), fired.conditions.tolist(), strict=True))
    return pairs, Counter(fired.errors.tolist()), Counter(fired.skips.tolist())


def expected(given_conditions: list, rows: list[dict]) -> tuple[list, Counter, Counter]:
    found = {(at, place): truth(each.node, row, each.missing) for at, row in enumerate(rows) for place, each in enumerate(given_conditions)}
    errors = Counter(place for (_, place), each in found.items() if each == "error")
    skips = Counter(place for (_, place), each in found.items() if each == "missing")
    return [pair for pair, each in found.items() if each == "true"], errors, skips


@pytest.mark.slow
@settings(max_examples=examples(450))
@given(st.lists(conditions(), min_size=1, max_size=6), st.lists(events(), min_size=1, max_size=8))
def test_a_set_answers_as_an_interpreter_that_walks_each_tree(given_conditions: list, rows: list[dict]) -> None:
    assert answers(ConditionSet.compile(given_conditions), rows) == expected(given_conditions, rows)


@pytest.mark.slow
@settings(max_examples=examples(300))
@given(st.lists(written(Type.BOOL), min_size=1, max_size=4), st.lists(rows_of_expressions(missing=True), min_size=1, max_size=6))
def test_rules_that_skip_what_is_missing_answer_as_the_expressions_that_they_are(texts: list[str], rows: list[dict]) -> None:
    given_conditions = [condition(text, Missing.SKIP, EXPRESSION_NAMES) for text in texts]
    columns = {name: Column.of_values(type, [row[name] for row in rows]) for name, type in EXPRESSION_FIELDS.items()}
    fired = ConditionSet.compile(given_conditions).find_many(columns, len(rows))
    values = [[compile_expression(text, EXPRESSION_NAMES).of(row) for text in texts] for row in rows]
    assert list(zip(fired.events.tolist(), fired.conditions.tolist(), strict=True)) == places(values, lambda value: value is True)
    assert sorted(fired.skips.tolist()) == sorted(place for _, place in places(values, lambda value: value is Fault.MISSING))
    failed = places(values, lambda value: isinstance(value, Fault) and value is not Fault.MISSING)
    assert sorted(fired.errors.tolist()) == sorted(place for _, place in failed)


def places(values: list[list], holds: Callable[[object], bool]) -> list[tuple[int, int]]:
    return [(at, place) for at, row in enumerate(values) for place, value in enumerate(row) if holds(value)]


@pytest.mark.parametrize(
    ("text", "missing", "holds"),
    [
        ("event.amount > 3.0", Missing.FALSE, False),
        ("event.amount > 3.0", Missing.TRUE, True),
        ("event.amount > 3.0", Missing.SKIP, False),
        ("!(event.amount > 3.0)", Missing.FALSE, True),
        ("!(event.amount > 3.0)", Missing.TRUE, False),
        ("!(event.amount > 3.0)", Missing.SKIP, False),
        ("has(event.amount)", Missing.TRUE, False),
        ("!has(event.amount)", Missing.SKIP, True),
        ("event.amount > 3.0 || event.tries == 1", Missing.SKIP, True),
    ],
)
def test_an_atom_without_a_value_has_the_truth_that_its_rule_says(text: str, missing: Missing, holds: bool) -> None:
    row = EVENT | {"event.tries": 1}
    pairs, errors, _ = answers(ConditionSet.compile([condition(text, missing)]), [row])
    assert (pairs, errors) == ([(0, 0)] if holds else [], Counter())


def test_a_rule_that_errs_is_counted_and_others_match() -> None:
    texts = ["10 / event.tries > 1", "event.amount > 3.0", "10 / event.tries > 1 || event.amount > 3.0"]
    rows = [EVENT | {"event.tries": 0, "event.amount": 4.0}, EVENT | {"event.tries": 5, "event.amount": 1.0}]
    pairs, errors, skips = answers(ConditionSet.compile([condition(text) for text in texts]), rows)
    assert pairs == [(0, 1), (0, 2), (1, 0), (1, 2)]
    assert (errors, skips) == (Counter({0: 1}), Counter())


def test_a_rule_that_lacks_a_value_is_skipped_and_counted() -> None:
    rule = condition("event.amount > 3.0 && event.online", Missing.SKIP)
    rows = [EVENT | {"event.online": online} for online in (True, False, None)]
    assert answers(ConditionSet.compile([rule]), rows) == ([], Counter(), Counter({0: 2}))


def test_a_set_without_conditions_and_a_batch_without_events_give_nothing() -> None:
    assert answers(ConditionSet.compile([]), [EVENT]) == ([], Counter(), Counter())
    assert answers(ConditionSet.compile([condition("event.online")]), []) == ([], Counter(), Counter())


def test_more_conditions_than_a_block_holds_keep_their_places() -> None:
    rules = [condition(f"event.amount > {at}.0 && event.tries != {at}") for at in range(1_100)]
    rows = [EVENT | {"event.amount": float(at), "event.tries": at // 2} for at in (0, 1, 700, 1_099, 5_000)]
    assert answers(ConditionSet.compile(rules), rows) == expected(rules, rows)


def test_matches_ascend_by_event_and_then_by_condition() -> None:
    rules = [condition(text) for text in ("event.amount > 1.0", "!event.online", "event.amount + 1.0 > 2.0")]
    fired = ConditionSet.compile(rules).find_many(columns_of([EVENT | {"event.amount": 2.0, "event.online": False}] * 2), 2)
    np.testing.assert_array_equal(fired.events, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(fired.conditions, [0, 1, 2, 0, 1, 2])


def test_one_rule_among_many_is_compiled_alone_and_others_stay_as_they_are() -> None:
    forms = Forms()
    old = [condition(f"event.amount > {at}.0 && event.tries in [{at}]") for at in range(50)]
    ConditionSet.compile(old, forms)
    known = [forms.of(each) for each in old]
    changed = [*old[:20], condition("event.online"), *old[21:]]
    again = ConditionSet.compile(changed, forms)
    assert [again.index.forms[at] is known[at] for at in range(50)] == [at != 20 for at in range(50)]
    rows = [EVENT | {"event.amount": 30.0, "event.tries": tries, "event.online": True} for tries in range(50)]
    assert answers(again, rows) == expected(changed, rows)


def test_slices_give_the_same_set_and_none_holds_more_than_a_few_conditions() -> None:
    rules = [condition(f"event.amount > {at}.0 && event.category == 'c{at}'") for at in range(1_200)]
    steps = list(slices_of(rules))
    assert len(steps) > len(rules)
    made = steps[-1]
    rows = [EVENT | {"event.amount": 1_000.0, "event.category": f"c{at}"} for at in (0, 999, 1_000)]
    assert answers(made, rows) == expected(rules, rows)


def slices_of(rules: list) -> Iterator[ConditionSet | None]:
    made = yield from ConditionSet.in_slices(rules, Forms())
    yield made


def test_forms_of_rules_that_are_gone_are_forgotten() -> None:
    forms = Forms()
    forms.SPARE = 10
    first = weakref.ref(forms.of(condition("event.amount > 12345.0")).atoms[0])
    for at in range(5):
        ConditionSet.compile([condition(f"event.amount > {at}.5 && event.tries == {other}") for other in range(10)], forms)
    gc.collect()
    assert first() is None


def test_a_block_that_tells_too_many_cells_apart_verifies_what_it_finds() -> None:
    texts = [f"event.tries in [{', '.join(str(3 * at + shift) for at in range(1_000))}]" for shift in range(-9_000, 9_000, 3_000)]
    rules = [condition(text) for text in texts]
    made = ConditionSet.compile(rules)
    assert not made.index.blocks.exact.any()
    rows = [EVENT | {"event.tries": tries} for tries in (-9_000, -8_999, -6_003, -1, 0, 2_997, 3_000, 9_000, None)]
    assert answers(made, rows) == expected(rules, rows)


def test_an_expression_that_fails_unforeseen_errs_for_its_own_rule_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [condition("event.amount * 2.0 > 3.0"), condition("event.amount + 2.0 > 3.0"), condition("event.amount > 3.0")]
    made = ConditionSet.compile(rules)
    broken = made.index.forms[0].atoms[0].attribute.program
    run = Program.run

    def run_or_fail(program: Program, columns: dict[str, Column]) -> Column:
        if program is broken:
            raise ZeroDivisionError
        return run(program, columns)

    monkeypatch.setattr(Program, "run", run_or_fail)
    pairs, errors, _ = answers(made, [EVENT | {"event.amount": 4.0}] * 2)
    assert pairs == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert errors == Counter({0: 2})


def test_many_rules_that_no_index_narrows_answer_as_they_should() -> None:
    rules = [condition(f"event.amount * {at}.0 > feature.count_1h && event.tries % {at} == 0") for at in range(1, 600)]
    rows = [EVENT | {"event.amount": 2.0, "feature.count_1h": 90.0, "event.tries": tries} for tries in (0, 12, 60, None)]
    assert answers(ConditionSet.compile(rules), rows) == expected(rules, rows)
