"""What the store of sessions keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.relational.database import Database
from stores.relational.sessions import RelationalSessions
from stores.sessions import Session, Ticket


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[RelationalSessions]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield RelationalSessions(opened)


def session(number: int, name: str = "ana") -> Session:
    return Session(f"s{number}", f"hash{number}", "", name, ("analyst", "author"), "", number, number, number, 1_000)


def test_a_session_is_found_by_its_secret_until_it_is_ended(store: RelationalSessions) -> None:
    store.add(session(1))
    assert store.by_hash("hash1") == session(1)
    assert (store.by_hash(""), store.by_hash("hash2")) == (None, None)
    assert (store.end("s1"), store.end("s1"), store.by_hash("hash1")) == (True, False, None)


def test_a_rotated_session_is_found_by_its_new_secret_and_by_the_one_before(store: RelationalSessions) -> None:
    store.add(session(1))
    assert store.rotate("s1", "hash1", "new", 50)
    assert not store.rotate("s1", "hash1", "newer", 51), "another page has rotated it already"
    rotated = msgspec.structs.replace(session(1), hash="new", earlier_hash="hash1", rotated_at_ms=50, used_at_ms=50)
    assert store.by_hash("new") == rotated == store.by_hash("hash1")
    assert store.rotate("s1", "new", "newest", 60)
    assert store.by_hash("hash1") is None
    store.use("s1", 70)
    used = store.by_hash("newest")
    assert used is not None
    assert used.used_at_ms == 70


def test_a_new_session_ends_expired_ones_and_the_oldest_of_a_caller_with_too_many(
    store: RelationalSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.relational.sessions.SESSIONS_OF_CALLER_MAX", 2)
    store.add(msgspec.structs.replace(session(1, "bo"), expires_at_ms=2))
    for number in (2, 3, 4):
        store.add(session(number))
    store.add(session(5, "bo"))
    assert [number for number in range(1, 6) if store.by_hash(f"hash{number}")] == [3, 4, 5]


def test_a_ticket_is_taken_once_and_goes_when_it_expires(store: RelationalSessions) -> None:
    first, second = Ticket("t1", "link", "{}", 10), Ticket("t2", "provider", "'; drop table 🙂", 20)
    store.add_ticket(first, 0)
    store.add_ticket(second, 10)
    assert store.take_ticket("t1") is None
    assert (store.take_ticket("t2"), store.take_ticket("t2")) == (second, None)
