"""What the store of verdicts keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.casework.verdicts import UNDO_MS, Verdict
from stores.relational.casework.verdicts import RelationalVerdicts, add_verdicts, undo_verdict
from stores.relational.database import Database

AT_MS = 1_700_000_000_000


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> RelationalVerdicts:
    return RelationalVerdicts(database)


def verdict(id: str, case_id: str = "c1", at_ms: int = AT_MS, **more: object) -> Verdict:
    known: dict[str, object] = {"id": id, "case_id": case_id, "user": "u1", "event_id": "e1", "entity_kind": "card", "entity_id": "4/1"}
    known |= {"verdict": "fraud", "reason": "stolen", "inputs": {"called": True, "loss": 1.5, "by": "\u2603\x00"[:1]}, "by": "ana"}
    known |= {"at_ms": at_ms, "effective_at_ms": at_ms + UNDO_MS}
    return Verdict(**(known | more))  # type: ignore[arg-type]


def add(database: Database, *verdicts: Verdict) -> None:
    with database.writing() as connection:
        add_verdicts(connection, verdicts)


def undo(database: Database, id: str, now_ms: int) -> bool:
    with database.writing() as connection:
        return undo_verdict(connection, id, now_ms)


def test_verdicts_of_a_case_come_by_pages_oldest_first(database: Database, store: RelationalVerdicts) -> None:
    given = [verdict(f"v{number}") for number in range(5)]
    add(database, *given, verdict("v9", "c2"))
    first = store.verdicts_of("c1", limit=3)
    assert [*first, *store.verdicts_of("c1", first[-1].id)] == given
    assert (store.get("v3"), store.get("v8"), store.verdicts_of("c3")) == (given[3], None, [])


def test_a_verdict_waits_until_its_time_has_come_and_is_carried_out_once(database: Database, store: RelationalVerdicts) -> None:
    later, sooner = verdict("v1", at_ms=AT_MS + 5), verdict("v2")
    add(database, later, sooner)
    assert store.uncarried(AT_MS + UNDO_MS - 1, 10) == []
    assert store.uncarried(AT_MS + UNDO_MS, 10) == [sooner]
    assert store.uncarried(AT_MS + UNDO_MS + 5, 10) == [sooner, later]
    assert store.uncarried(AT_MS + UNDO_MS + 5, 1) == [sooner]
    assert [store.mark_carried_out("v2", AT_MS + UNDO_MS + 7) for _ in range(2)] == [True, False]
    assert store.get("v2") == msgspec.structs.replace(sooner, carried_out_ms=AT_MS + UNDO_MS + 7)
    assert store.uncarried(AT_MS + UNDO_MS + 5, 10) == [later]


def test_a_verdict_that_was_undone_is_never_carried_out_and_one_that_was_carried_out_is_not_undone(
    database: Database, store: RelationalVerdicts
) -> None:
    add(database, verdict("v1"), verdict("v2"))
    assert (undo(database, "v1", AT_MS + 1), undo(database, "v1", AT_MS + 2), undo(database, "v7", 1)) == (True, False, False)
    assert (store.mark_carried_out("v1", AT_MS + UNDO_MS), store.mark_carried_out("v2", AT_MS + UNDO_MS)) == (False, True)
    assert (undo(database, "v2", AT_MS + 1), store.uncarried(AT_MS + 2 * UNDO_MS, 10)) == (False, [])
    assert [one.undone_ms for one in store.verdicts_of("c1")] == [AT_MS + 1, None]


def test_a_final_verdict_is_not_undone_and_one_that_was_undone_is_never_final(database: Database, store: RelationalVerdicts) -> None:
    add(database, verdict("v1"), verdict("v2"))
    assert [store.make_final("v1", at_ms) for at_ms in (AT_MS + 1, AT_MS + 2)] == [True, True]
    assert (undo(database, "v1", AT_MS + 3), undo(database, "v2", AT_MS + 3), store.make_final("v2", AT_MS + 4)) == (False, True, False)
    assert [(one.final_ms, one.undone_ms) for one in store.verdicts_of("c1")] == [(AT_MS + 1, None), (None, AT_MS + 3)]
    assert store.mark_carried_out("v1", AT_MS + 5)


def test_verdicts_on_an_entity_come_newest_first_without_those_that_were_undone(database: Database, store: RelationalVerdicts) -> None:
    add(database, *(verdict(f"v{number}", f"c{number}") for number in range(4)), verdict("v5", entity_id="other"))
    undo(database, "v2", AT_MS)
    assert [one.id for one in store.on_entity("card", "4/1", 2)] == ["v3", "v1"]
