"""One verdict on many cases, with what came of each."""

import contextlib
import pathlib
from collections.abc import Iterator

import msgspec
import pytest
from cases_of_a_test import CASES_YAML, case, opened
from databases_of_a_test import database_in

from pipeline.alerting.many_verdicts import Item, give_many
from pipeline.jobs.job_kind import JobCancelledError
from pipeline.jobs.verdicts_kind import VerdictsParameters
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.verdicts import RelationalVerdicts
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry

AT_MS = 2_000_000


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[Database]:
    with contextlib.closing(database_in(tmp_path)) as one:
        registry = RelationalRegistry(one)
        registry.release(registry.put_many({"cases": CASES_YAML}, "ana", 1), "ana", 1)
        for number in range(5):
            more = (
                {"inbox": "logins"}
                if number == 3
                else {"holder": "bob", "state": "claimed", "held_until_ms": 9_000_000}
                if number == 4
                else {}
            )
            RelationalCases(one).open(*opened(case(number, **more)))
        yield one


def wanted(*cases: str, **more: object) -> VerdictsParameters:
    own: dict[str, object] = {
        "verdict": "legitimate",
        "reason": "known",
        "inputs": {"called": True},
        "by": "ana",
        "seed": "s",
        "at_ms": AT_MS,
    }
    return VerdictsParameters(cases=cases, **(own | more))  # type: ignore[arg-type]


def give(database: Database, asked: VerdictsParameters, path: pathlib.Path) -> list[Item]:
    give_many(database, asked, path, lambda done, of: None, lambda: AT_MS / 1_000)
    return [msgspec.json.decode(line, type=Item) for line in path.read_bytes().splitlines()]


def test_each_case_gets_the_verdict_or_a_reason_why_not(database: Database, tmp_path: pathlib.Path) -> None:
    ids = [case(number).id for number in range(5)]
    asked = wanted(*ids, "no-id", close=True, hidden=("logins",))
    items = give(database, asked, tmp_path / "items")
    assert [(item.case, bool(item.verdict)) for item in items] == [
        *zip(ids, [True, True, True, False, False], strict=True),
        ("no-id", False),
    ]
    assert items[3].problem == items[5].problem == "there is no such case"
    assert "bob" in items[4].problem
    closed = RelationalCases(database).get(ids[0])
    assert closed is not None
    assert (closed.state, closed.verdict, closed.closed_by) == ("closed", "legitimate", "ana")


def test_a_verdict_that_lacks_what_it_needs_is_given_nowhere(database: Database, tmp_path: pathlib.Path) -> None:
    [item] = give(database, wanted(case(0).id, reason="because"), tmp_path / "items")
    assert "reason" in item.problem
    [item] = give(database, wanted(case(0).id, inputs={}), tmp_path / "items")
    assert "inputs.called" in item.problem


def test_a_job_that_is_killed_and_begins_again_gives_no_verdict_twice(database: Database, tmp_path: pathlib.Path) -> None:
    ids = [case(number).id for number in range(3)]

    def cancelled(done: int, of: int) -> None:
        if done == 2:
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        give_many(database, wanted(*ids), tmp_path / "items", cancelled, lambda: AT_MS / 1_000)
    items = give(database, wanted(*ids), tmp_path / "items")
    assert all(item.verdict for item in items)
    assert [len(RelationalVerdicts(database).verdicts_of(id)) for id in ids] == [1, 1, 1]
