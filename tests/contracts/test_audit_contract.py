"""What every store of the audit log keeps to; a new implementation joins `STORES`."""

import concurrent.futures
import multiprocessing
import pathlib
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier

import msgspec
import pytest

from stores.audit import FIRST, Audit, Fact, verify
from stores.cassandra import cassandra_audit
from stores.cassandra.cassandra_access import access_place
from stores.cassandra.cassandra_audit import CassandraAudit
from stores.cassandra.cassandra_opening import Place
from stores.sqlite.sqlite_audit import SqliteAudit

Opener = Callable[[], Audit]


class OpenSqlite(msgspec.Struct):
    """Opens the log in a file, in whatever process."""

    path: str

    def __call__(self) -> Audit:
        return SqliteAudit(pathlib.Path(self.path))


class OpenCassandra(msgspec.Struct):
    """Opens the log in a keyspace, in whatever process."""

    place: Place

    def __call__(self) -> Audit:
        return CassandraAudit(self.place)


def in_sqlite(request: pytest.FixtureRequest) -> Opener:
    return OpenSqlite(str(request.getfixturevalue("tmp_path") / "audit.db"))


def in_cassandra(request: pytest.FixtureRequest) -> Opener:
    opener = OpenCassandra(access_place(msgspec.structs.replace(request.getfixturevalue("cassandra"), keyspace="audit_contract")))
    store = CassandraAudit(opener.place)
    store._keyspace.run("TRUNCATE audit")
    store.close()
    return opener


STORES: dict[str, Callable[[pytest.FixtureRequest], Opener]] = {"sqlite": in_sqlite, "cassandra": in_cassandra}


@pytest.fixture(params=["sqlite", pytest.param("cassandra", marks=pytest.mark.integration)])
def opener(request: pytest.FixtureRequest) -> Opener:
    return STORES[request.param](request)


@pytest.fixture
def store(opener: Opener) -> Iterator[Audit]:
    made = opener()
    yield made
    made.close()


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
    monkeypatch.setattr(cassandra_audit, "BUCKET", 7)
    entries = [store.append(fact(at_ms)) for at_ms in range(45)]
    assert list(store.walk()) == entries
    found, before = [], None
    while page := store.page(before, 8):
        found += page
        before = page[-1].number
    assert found == entries[::-1]
    assert store.page(1, 8) == []


def test_another_that_opens_the_log_goes_on_at_its_end(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassandra_audit, "BUCKET", 5)
    first, second = opener(), opener()
    for store in (first, second, first, second, second, second, second, second, second, first, second):
        store.append(fact())
    third = opener()
    assert third.append(fact()).number == 12
    assert verify(third.walk()).entries == 12
    for store in (first, second, third):
        store.close()


def append_many(opener: Opener, barrier: Barrier, by: str, count: int) -> None:
    store = opener()
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        barrier.wait(60)
        list(threads.map(lambda at_ms: store.append(fact(at_ms, by)), range(count)))
    store.close()


def test_processes_and_threads_that_append_at_once_make_one_unbroken_chain(opener: Opener, store: Audit) -> None:
    count = 200 if isinstance(opener, OpenSqlite) else 30
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4)
    processes = [spawn.Process(target=append_many, args=(opener, barrier, f"process {number}", count)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    verified = verify(store.walk())
    assert (verified.entries, verified.broken) == (4 * count, None)
    said = [entry.fact() for entry in store.walk()]
    assert {(each.by, each.at_ms) for each in said} == {(f"process {number}", at_ms) for number in range(4) for at_ms in range(count)}
