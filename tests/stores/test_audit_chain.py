"""What somebody who may write to the file can do, and what is seen of it."""

import contextlib
import pathlib
import sqlite3

import msgspec
import pytest

from foundation.refusal import Refusal
from stores.audit import FIRST, Entry, Fact, link, verify
from stores.relational.audit import RelationalAudit
from stores.relational.database import Database
from stores.relational.place import FILE, SqlitePlace


class Log:
    """A log of ten entries, and a way past it into its file."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        with contextlib.closing(Database(SqlitePlace(path))) as database:
            audit = RelationalAudit(database)
            self.entries = [audit.append(fact(at_ms)) for at_ms in range(10)]

    @property
    def head(self) -> str:
        return self.entries[-1].hash

    def tamper(self, *statements: str, values: tuple[object, ...] = ()) -> None:
        connection = sqlite3.connect(self.path)
        for statement in statements:
            connection.execute(statement, values)
        connection.commit()
        connection.close()

    def verify(self, head: str = "") -> tuple[int, str]:
        """How many entries are whole, and what is found to be broken."""
        with contextlib.closing(Database(SqlitePlace(self.path), owner=False)) as database:
            found = verify(RelationalAudit(database).walk(), head)
        return found.entries, found.broken.what if found.broken else ""


def fact(at_ms: int, by: str = "owner") -> Fact:
    return Fact(at_ms, by, ("admin",), "PUT /v1/policy", "intent", body_sha256="ab" * 32, body_bytes=12)


@pytest.fixture
def log(tmp_path: pathlib.Path) -> Log:
    return Log(tmp_path / FILE)


def test_a_log_that_nobody_touched_is_whole(log: Log) -> None:
    assert log.verify() == log.verify(log.head) == log.verify(log.entries[4].hash) == log.verify(FIRST) == (10, "")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET said = replace(said, 'owner', 'other') WHERE number = 5",
        "UPDATE audit_entry SET said = said || ' ' WHERE number = 5",
        "UPDATE audit_entry SET said = 'nonsense' WHERE number = 5",
        "UPDATE audit_entry SET said = '' WHERE number = 5",
        "UPDATE audit_entry SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE number = 5",
        "UPDATE audit_entry SET previous = (SELECT hash FROM audit_entry WHERE number = 2) WHERE number = 5",
        "UPDATE audit_entry SET said = (SELECT said FROM audit_entry WHERE number = 6) WHERE number = 5",
    ],
)
def test_a_changed_entry_is_named(log: Log, statement: str) -> None:
    log.tamper(statement)
    assert log.verify() == (4, "entry 5 was changed or inserted: its hash does not match what it says")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("number = 5", (4, "entry 5 is missing")),
        ("number BETWEEN 3 AND 7", (2, "entries 3 to 7 are missing")),
        ("number = 1", (0, "entry 1 is missing")),
    ],
)
def test_a_removed_entry_is_named(log: Log, where: str, found: tuple[int, str]) -> None:
    log.tamper(f"DELETE FROM audit_entry WHERE {where}")
    assert log.verify() == found


def test_a_removed_entry_whose_gap_was_closed_is_seen_at_the_next(log: Log) -> None:
    log.tamper(
        "DELETE FROM audit_entry WHERE number = 5", *(f"UPDATE audit_entry SET number = {n - 1} WHERE number = {n}" for n in range(6, 11))
    )
    assert log.verify() == (4, "entry 5 was changed or inserted: its hash does not match what it says")


def test_entries_in_another_order_are_seen(log: Log) -> None:
    log.tamper(*(f"UPDATE audit_entry SET number = {new} WHERE number = {old}" for old, new in ((4, 100), (5, 4), (100, 5))))
    assert log.verify() == (3, "entry 4 was changed or inserted: its hash does not match what it says")


def test_an_entry_that_was_put_in_is_seen(log: Log) -> None:
    log.tamper(*(f"UPDATE audit_entry SET number = {n + 1} WHERE number = {n}" for n in range(10, 4, -1)))
    forged = link(5, log.entries[3].hash, fact(99, "eve"))
    log.tamper("INSERT INTO audit_entry VALUES (?, ?, ?, ?)", values=msgspec.structs.astuple(forged))
    assert log.verify() == (5, "entry 6 was changed or inserted: its hash does not match what it says")


def test_an_entry_that_was_written_anew_with_its_hash_is_seen_at_the_next(log: Log) -> None:
    forged = link(5, log.entries[3].hash, fact(99, "eve"))
    log.tamper("UPDATE audit_entry SET previous = ?2, said = ?3, hash = ?4 WHERE number = ?1", values=msgspec.structs.astuple(forged))
    assert log.verify() == (5, "entry 6 does not follow entry 5: one of the two was inserted, moved or rewritten")


def test_a_log_that_was_cut_off_or_written_anew_is_seen_by_who_kept_its_head(log: Log) -> None:
    log.tamper("DELETE FROM audit_entry WHERE number > 7")
    assert log.verify() == (7, "")
    assert log.verify(log.entries[6].hash) == (7, "")
    entries, found = log.verify(log.head)
    assert (entries, found) == (7, f"no entry has the hash {log.head}: the log was cut off after entry 7 or earlier, or rewritten")
    rewritten: list[Entry] = []
    for number in range(1, 11):
        rewritten.append(link(number, rewritten[-1].hash if rewritten else FIRST, fact(number, "eve")))
    log.tamper("DELETE FROM audit_entry")
    for entry in rewritten:
        log.tamper("INSERT INTO audit_entry VALUES (?, ?, ?, ?)", values=msgspec.structs.astuple(entry))
    assert log.verify() == (10, "")
    assert "rewritten" in log.verify(log.head)[1]


def test_an_emptied_log_is_seen_by_who_kept_its_head(log: Log) -> None:
    log.tamper("DELETE FROM audit_entry")
    assert log.verify() == (0, "")
    assert "cut off" in log.verify(log.head)[1]


def test_a_log_that_is_not_there_is_refused_and_none_is_made(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="no database"):
        Database(SqlitePlace(tmp_path / FILE), owner=False)
    assert list(tmp_path.iterdir()) == []


def test_an_entry_means_one_text_only(log: Log) -> None:
    said = log.entries[0].said
    assert said == (
        '{"format":1,"number":1,"at_ms":0,"by":"owner","roles":["admin"],"action":"PUT /v1/policy","phase":"intent","of":0,"status":0,'
        f'"subject":"","body_sha256":"{"ab" * 32}","body_bytes":12,"peer":""}}'
    )


def test_a_number_that_is_said_a_second_time_is_seen() -> None:
    first = link(1, FIRST, fact(1))
    again = link(1, first.hash, fact(2))
    found = verify([first, again]).broken
    assert found is not None
    assert found.what == "entry 1 comes a second time or out of order, after entry 1"
    found = verify([first, msgspec.structs.replace(again, number=2)]).broken
    assert found is not None
    assert found.number == 2
