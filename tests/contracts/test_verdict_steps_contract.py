"""What the store of verdicts' steps keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.casework.deliveries import Message
from stores.casework.verdict_steps import VerdictStep
from stores.casework.verdicts import Verdict
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.verdict_steps import RelationalVerdictSteps
from stores.relational.casework.verdicts import RelationalVerdicts, add_verdicts, undo_verdict
from stores.relational.database import Database


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> RelationalVerdictSteps:
    return RelationalVerdictSteps(database)


def give(database: Database, *numbers: int) -> None:
    with database.writing() as connection:
        own = {"case_id": "c", "user": "", "event_id": "", "entity_kind": "card", "entity_id": "k", "verdict": "fraud", "reason": "r"}
        given = [
            Verdict(id=f"v{number}", **own, inputs={}, by="ana", at_ms=number, effective_at_ms=number + 60_000)  # type: ignore[arg-type]
            for number in numbers
        ]
        add_verdicts(connection, given)


def undo(database: Database, id: str) -> None:
    with database.writing() as connection:
        assert undo_verdict(connection, id, 5)


def step(verdict: str, number: int, **more: Any) -> VerdictStep:
    own = VerdictStep(f"{verdict}.{number}", verdict, number, "list", "s", {"list": "b", "expires": None, "value": "x"}, number, "wanted")
    return msgspec.structs.replace(own, **more)


def test_a_verdict_is_planned_once_and_what_is_told_with_it(store: RelationalVerdictSteps, database: Database) -> None:
    give(database, 2, 1)
    assert [one.id for one in store.unplanned(9)] == ["v1", "v2"]
    told = [(Message("m", "verdict.given", "c", 1, b"{}", b"{}"), ["w"])]
    assert [store.plan("v1", [step("v1", 0), step("v1", 1)], told) for _ in range(2)] == [True, False]
    assert ([one.id for one in store.unplanned(9)], store.of_verdict("v1")) == (["v2"], [step("v1", 0), step("v1", 1)])
    assert [one.message.id for one in RelationalDeliveries(database).due("w", 1, 9)] == ["m"]


def test_steps_are_due_by_their_time_unless_they_wait_or_their_verdict_was_undone(
    store: RelationalVerdictSteps, database: Database
) -> None:
    give(database, 1, 2)
    store.plan("v1", [step("v1", 0, due_ms=10), step("v1", 1, due_ms=99), step("v1", 2, state="waiting")], ())
    store.plan("v2", [step("v2", 0)], ())
    undo(database, "v2")
    assert [one.id for one in store.due(50, 9)] == ["v1.0"]
    assert [one.id for one in store.waiting("", 9)] == ["v1.2"]
    assert [one.id for one in store.undone(9)] == ["v2"]
    assert (store.settle("v2"), store.settle("v2"), store.undone(9)) == (True, False, [])


def test_a_step_moves_only_from_where_it_is_thought_to_be(store: RelationalVerdictSteps, database: Database) -> None:
    give(database, 1, 2)
    store.plan("v1", [step("v1", 0)], ())
    done = step("v1", 0, state="done", outcome="listed", changed_ms=7)
    assert [store.move("v1.0", ["wanted"], done), store.move("v1.0", ["wanted"], done)] == [True, False]
    assert (store.of_verdict("v1"), store.open(["v1", "v2"])) == ([done], {"v2"})


def test_what_a_step_replaces_is_noted_once(store: RelationalVerdictSteps, database: Database) -> None:
    give(database, 1)
    store.plan("v1", [step("v1", 0)], ())
    store.remember("v1.0", "null")
    store.remember("v1.0", '{"list": "b"}')
    assert [one.before for one in store.of_verdict("v1")] == ["null"]


def test_what_was_carried_out_is_planned_no_more(store: RelationalVerdictSteps, database: Database) -> None:
    give(database, 1, 2)
    assert RelationalVerdicts(database).mark_carried_out("v1", 99_999)
    undo(database, "v2")
    assert store.unplanned(9) == []
