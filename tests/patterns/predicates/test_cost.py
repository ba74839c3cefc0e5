"""The author of a condition is told whether the index finds it, and what has to be computed if not."""

from written_conditions import condition

from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.cost import cost_of


def test_a_condition_of_names_and_constants_is_found_by_the_index() -> None:
    cost = cost_of(condition("event.amount > 3.0 && event.category in ['a', 'b']"))
    assert (cost.scanned, cost.is_indexed) == ((), True)
    assert cost.text == "The index finds this condition: it costs an event about 48 ns, shared with others that read the same."


def test_what_is_computed_behind_the_index_is_told() -> None:
    cost = cost_of(condition("event.category == 'a' && event.device.startsWith('ab')"))
    assert (cost.scanned, cost.is_indexed) == (('event.device.startsWith("ab")',), True)
    assert "Events that pass the index" in cost.text


def test_a_condition_that_no_index_narrows_is_told_to_cost_every_event() -> None:
    cost = cost_of(condition("event.category == 'a' || event.device.startsWith('ab')"))
    assert (cost.scanned, cost.is_indexed) == (('event.device.startsWith("ab")',), False)
    assert "Every event costs" in cost.text
    assert 'event.device.startsWith("ab")' in cost.text


def test_conditions_share_what_they_read_and_a_scan_costs_more_than_an_index() -> None:
    many = [condition(f"event.amount > {at}.0") for at in range(100)]
    assert ConditionSet.compile(many).cost_ns < 2 * ConditionSet.compile(many[:1]).cost_ns
    scanned = ConditionSet.compile([condition("event.amount > feature.count_1h")])
    assert scanned.cost_ns > ConditionSet.compile(many[:1]).cost_ns
