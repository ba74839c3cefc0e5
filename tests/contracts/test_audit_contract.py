"""What the audit log keeps to, in each database of `PLACES`."""

import concurrent.futures
import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier

import pytest
from databases_of_a_test import PLACES

from stores.audit import FIRST, Audit, Fact, verify
from stores.relational import audit as relational_audit
from stores.relational.audit import RelationalAudit
from stores.relational.database import Database
from stores.relational.place import DatabasePlace


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> DatabasePlace:
    return PLACES[request.param](request)


@contextlib.contextmanager
def opened(place: DatabasePlace) -> Iterator[Audit]:
    """The log as another process has it."""
    with contextlib.closing(Database(place)) as database:
        yield RelationalAudit(database)


@pytest.fixture
def store(place: DatabasePlace) -> Iterator[Audit]:
    with opened(place) as made:
        yield made


def fact(at_ms: int = 1_000, by: str = "owner", action: str = "PUT /v1/policy") -> Fact:
    return Fact(at_ms, by, ("admin",), action, "intent", body_sha256="ab" * 32, body_bytes=12)


def test_an_entry_comes_back_as_it_was_said(store: Audit) -> None:
    said = Fact(1, "oidc:zoë", ("author", "approver"), 'PUT /v1/"x"\n', "outcome", 7, 422, "release 3")
    entry = store.append(said)
    assert (entry.number, entry.previous, entry.fact()) == (1, FIRST, said)
    assert store.page(None, 10) == list(store.walk()) == [entry]


def test_an_empty_log_is_whole(store: Audit) -> None:
    assert store.page(None, 10) == []
    assert verify(store.walk()).head == FIRST


def test_each_entry_holds_the_hash_of_the_one_before(store: Audit) -> None:
    entries = [store.append(fact(at_ms)) for at_ms in range(20)]
    assert [entry.number for entry in entries] == list(range(1, 21))
    assert [entry.previous for entry in entries] == [FIRST, *(entry.hash for entry in entries[:-1])]
    verified = verify(store.walk(), entries[3].hash)
    assert (verified.entries, verified.head, verified.broken) == (20, entries[-1].hash, None)


def test_pages_are_newest_first_without_gap_or_repeat(store: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relational_audit, "ROWS_AT_ONCE", 7)
    entries = [store.append(fact(at_ms)) for at_ms in range(45)]
    assert list(store.walk()) == entries
    found, before = [], None
    while page := store.page(before, 8):
        found += page
        before = page[-1].number
    assert found == entries[::-1]
    assert store.page(1, 8) == []


def test_another_that_opens_the_log_goes_on_at_its_end(place: DatabasePlace) -> None:
    with opened(place) as first, opened(place) as second, opened(place) as third:
        for store in (first, second, first, second, second, second, second, second, second, first, second):
            store.append(fact())
        assert third.append(fact()).number == 12
        assert verify(third.walk()).entries == 12


def append_many(place: DatabasePlace, barrier: Barrier, by: str, count: int) -> None:
    with opened(place) as store, concurrent.futures.ThreadPoolExecutor(3) as threads:
        barrier.wait(60)
        list(threads.map(lambda at_ms: store.append(fact(at_ms, by)), range(count)))


@pytest.mark.slow
def test_processes_and_threads_that_append_at_once_make_one_unbroken_chain(place: DatabasePlace, store: Audit) -> None:
    count = 40
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4)
    processes = [spawn.Process(target=append_many, args=(place, barrier, f"process {number}", count)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    verified = verify(store.walk())
    assert (verified.entries, verified.broken) == (4 * count, None)
    said = [entry.fact() for entry in store.walk()]
    assert {(each.by, each.at_ms) for each in said} == {(f"process {number}", at_ms) for number in range(4) for at_ms in range(count)}
