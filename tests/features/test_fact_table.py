"""Versions of facts in profiles, against all that was said."""

import math

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.plan.plan_compiler import compile_plan
from features.profiles.fact_table import NEVER, VERSIONS, FactTable
from features.profiles.profiles import Profiles
from features.schema.facts import FACTS_MAX, number_of
from features.schema.schema import Schema, read_schema
from foundation.refusal import Refusal

SCHEMA = "{{id: id, time: {{field: at}}, user: who, entities: [card], facts: {}}}"
VERSION = st.tuples(
    st.integers(0, 6), st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.5, math.nan]), st.sampled_from([NEVER, NEVER, 3, 5, 9])
)
SAID = st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "undeclared"]), VERSION)


def schema_of(facts: str) -> Schema:
    return read_schema(SCHEMA.format(facts))


def expected(said: list, slot: int, name: str, time: int) -> float:
    """What holds at `time` by everything that was said, of which only the versions with the latest beginnings are kept."""
    newest: dict[int, tuple] = {}
    for at, of, (since, written, value, expires) in said:
        if (at, of) == (slot, name):
            candidate = (written, -math.inf if math.isnan(value) else value, expires, value)
            newest[since] = max(newest.get(since, candidate), candidate, key=lambda each: each[:3])
    holding = [since for since in sorted(newest)[-VERSIONS:] if since <= time]
    if not holding or time >= newest[holding[-1]][2]:
        return math.nan
    return newest[holding[-1]][3]


def tell(table: FactTable, said: list) -> FactTable:
    for slot, name, version in said:
        table.put(slot, name, version)
    return table


@settings(max_examples=examples(200))
@given(said=st.lists(SAID, max_size=30), order=st.randoms(use_true_random=False))
def test_the_version_that_holds_equals_brute_force_whatever_the_order_of_arrival(said: list, order) -> None:
    shuffled = order.sample(said, len(said))
    for table in (tell(FactTable(["a", "b"]), said), tell(FactTable(["a", "b"]), shuffled)):
        for time in range(10):
            read = table.read(np.arange(4), np.full(4, time))
            wanted = [[expected(said, slot, name, time) for name in ("a", "b")] for slot in range(4)]
            np.testing.assert_array_equal(read, np.array(wanted))


@settings(max_examples=examples(100))
@given(said=st.lists(SAID, max_size=30))
def test_facts_are_saved_and_restored_with_the_profile_also_those_that_nothing_declares_for_a_while(said: list) -> None:
    declared = compile_plan("who", True, [], [], schema_of("{who: {a: number, b: number}}"))
    without = compile_plan("who", True, [], [], read_schema("{id: id, time: {field: at}, user: who}"))
    profiles = Profiles(declared)
    slots = profiles.slots(["0", "1", "2"])
    tell(profiles.facts, [(int(slots[slot]), name, version) for slot, name, version in said])
    for plan in (without, declared):
        other = Profiles(plan)
        for key, head in zip(("2", "0", "1"), profiles.save(profiles.slots(["2", "0", "1"])).heads, strict=True):
            other.restore(key, head, [])
        profiles = other
    for time in range(10):
        read = profiles.facts.read(profiles.slots(["0", "1", "2"]), np.full(3, time))
        np.testing.assert_array_equal(read, np.array([[expected(said, slot, name, time) for name in ("a", "b")] for slot in range(3)]))


def test_a_profile_without_facts_has_the_same_bytes_whether_facts_are_declared_or_not() -> None:
    plain, declaring = read_schema("{id: id, time: {field: at}, user: who, entities: [card]}"), schema_of("{who: {a: number}}")
    heads = []
    for schema in (plain, declaring):
        profiles = Profiles(compile_plan("who", True, [], [], schema))
        heads.append(profiles.save(profiles.slots(["u"])).heads[0])
    assert heads[0] == heads[1]


def test_a_forgotten_slot_has_no_facts_when_another_entity_takes_it() -> None:
    table = tell(FactTable(["a"]), [(3, "a", (0, 0, 1.0, NEVER))])
    table.forget([3])
    table.put(5, "a", (0, 0, 2.0, NEVER))
    read = table.read(np.array([3, 5, 900]), np.full(3, 1))
    np.testing.assert_array_equal(read[:, 0], np.array([math.nan, 2.0, math.nan]))


def test_of_more_versions_than_are_kept_those_stay_that_begin_last() -> None:
    table = tell(FactTable(["a"]), [(0, "a", (since, 0, float(since), NEVER)) for since in range(VERSIONS + 3)])
    read = table.read(np.zeros(4, np.int64), np.array([0, 2, 3, 99]))
    np.testing.assert_array_equal(read[:, 0], np.array([math.nan, math.nan, 3.0, VERSIONS + 2.0]))


def test_an_entity_has_so_many_facts_that_nothing_declares_and_no_more() -> None:
    table = FactTable([])
    kept = [table.put(0, f"f{number}", (0, 0, 1.0, NEVER)) for number in range(FACTS_MAX + 2)]
    assert kept == [True] * FACTS_MAX + [False, False]


@pytest.mark.parametrize(
    ("facts", "what", "at"),
    [
        ("{shop: {vip: boolean}}", "unknown field", "shop"),
        ("{who: {vip: truth}}", "unknown value", "truth"),
        ("{who: {2nd: boolean}}", "not the name of a fact", "2nd"),
        ("{card: {verdict: {values: []}}}", "no value", "[]"),
        ("{card: {verdict: {values: [good, good]}}}", "value given twice", "good]"),
        ("{card: {verdict: {value: [good]}}}", "unknown field", "value:"),
        ("{who: {" + ", ".join(f"f{number}: number" for number in range(17)) + "}}", "too many facts", "f16"),
    ],
)
def test_a_fact_that_cannot_be_declared_is_refused_with_its_place(facts: str, what: str, at: str) -> None:
    with pytest.raises(Refusal) as caught:
        schema_of(facts)
    assert (caught.value.what, caught.value.where) == (what, f"schema.yaml:1:{SCHEMA.format(facts).rindex(at) + 1}")


def test_a_fact_accepts_values_of_its_type_alone() -> None:
    vip, limit, verdict = schema_of("{who: {vip: boolean, limit: number, verdict: {values: [good, fraud]}}}").facts
    values = [True, 1.0, math.inf, "good", "evil"]
    assert [[fact.accepts(value) for value in values] for fact in (vip, limit, verdict)] == [
        [True, False, False, False, False],
        [False, True, False, False, False],
        [False, False, False, True, False],
    ]
    assert number_of("good") == int(number_of("good")) < 2**48
