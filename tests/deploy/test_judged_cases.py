"""Verdicts that people give on cases of the demo are held against what its generator did."""

from typing import Any

import msgspec
import pytest

from api.cases.case_shapes import ShownCase
from deploy.demo.attacks import Attack
from deploy.demo.judged_cases import JudgedCase, judged_cases, verdict_lines

ATTACK = Attack(1, "card testing", "c1")
_EMPTY: dict[type, object] = {str: "", int: 0, float: 0.0, bool: False}


def case(id: str, verdict: str, seconds: int = 5) -> ShownCase:
    given: dict[str, Any] = {"id": id, "verdict": verdict, "state": "closed", "entity": {"kind": "customer", "id": id}, "events": 3}
    given |= {"decided_at_ms": 10_000, "claimed_at_ms": 10_000 - 1_000 * seconds}
    given |= {"patterns": [], "reasons": [], "entities": []}
    rest = {field.name: _EMPTY.get(field.type) for field in msgspec.structs.fields(ShownCase)}
    return msgspec.convert(rest | given, ShownCase)


class Cases:
    """Cases of an API: two pages of closed ones, and their events."""

    def page(self, states: list[str], cursor: str | None = None, limit: int = 0) -> Any:
        assert states == ["closed"]
        if cursor is None:
            return msgspec.convert({"cases": [case("a", "fraud"), case("b", "")], "next": "2"}, _Page)
        return msgspec.convert({"cases": [case("c", "legitimate")], "next": None}, _Page)

    def events(self, id: str, limit: int = 0) -> Any:
        return msgspec.convert({"events": [{"event_id": f"{id}{number}"} for number in range(3)]}, _Events)


class _Page(msgspec.Struct):
    cases: list[ShownCase]
    next: str | None


class _Event(msgspec.Struct):
    event_id: str


class _Events(msgspec.Struct):
    events: list[_Event]


def test_the_decided_cases_of_all_pages_are_held_against_the_attacks_that_their_events_belong_to() -> None:
    judged = judged_cases(Cases(), {"a1": ATTACK, "a2": ATTACK, "b1": ATTACK})  # type: ignore[arg-type]
    assert [(one.case.id, dict(one.attacks), one.agrees) for one in judged] == [("a", {"card testing": 2}, True), ("c", {}, True)]


@pytest.mark.parametrize(("verdict", "attacks", "agrees"), [
    ("fraud", {"x": 1}, True), ("fraud", {}, False), ("legitimate", {}, True), ("legitimate", {"x": 1}, False), ("unsure", {"x": 1}, False),
])  # fmt: skip
def test_a_verdict_agrees_where_it_is_the_truth(verdict: str, attacks: dict[str, int], agrees: bool) -> None:
    assert JudgedCase(case("a", verdict), attacks).agrees is agrees


def test_the_summary_names_the_cases_that_misled() -> None:
    judged = [
        JudgedCase(case("a", "fraud", 4), {"x": 1}),
        JudgedCase(case("b", "legitimate", 8), {"card testing": 2}),
        JudgedCase(case("c", "unsure", 0), {}),
    ]
    assert verdict_lines(judged) == [
        "verdicts       1 of 3 agree with what the generator did, 1 unsure; 6 s from claim to decision in the median, 8 s at most",
        "  customer b was called legitimate; it was card testing in 2 of 3 events",
    ]
    assert verdict_lines([]) == []
