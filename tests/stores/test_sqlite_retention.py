"""Decisions in SQLite are kept for so many days, and what goes leaves nothing behind."""

import pathlib
import sqlite3

import msgspec
import pytest

from stores.decisions import StoredDecision
from stores.sqlite.sqlite_decisions import SqliteDecisions
from stores.sqlite.sqlite_retention import AT_ONCE_LEAST, AT_ONCE_MAX, DAY_SECONDS

TABLES = ("decision", "history", "latest", "flagged")


class Clock:
    def __init__(self) -> None:
        self.day = 20_000.5

    def __call__(self) -> float:
        return self.day * DAY_SECONDS


def decision(number: int, user: str = "u", time_ms: int | None = None, action: str = "review") -> StoredDecision:
    keys = (("who", user), ("shop", "s"))
    value = msgspec.json.encode({"event_id": str(number), "user": user})
    event_time = number if time_ms is None else time_ms
    return StoredDecision(str(number), 0, event_time, b"%09d" % number, keys, 0.5, action, 1, value)


def rows(path: pathlib.Path) -> dict[str, int]:
    connection = sqlite3.connect(path)
    counts = {table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TABLES}
    connection.close()
    return counts


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "decisions.db"


def test_a_decision_goes_so_many_days_after_it_was_written_whatever_its_events_time(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 3, clock)
    for number in range(10):
        store.write([decision(number, user=f"u{number}", time_ms=10**12 - number)])
        clock.day += 1
    assert [number for number in range(10) if store.latest("who", f"u{number}")] == [6, 7, 8, 9]
    assert rows(path) == {"decision": 4, "history": 8, "latest": 5, "flagged": 4}
    latest = store.latest("shop", "s")
    assert latest is not None
    assert latest.event_id == "6"  # of those that are kept the newest event
    store.close()


def test_nothing_goes_where_everything_is_kept(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 0, clock)
    for number in range(5):
        store.write([decision(number)])
        clock.day += 1_000
    assert rows(path)["decision"] == 5
    store.close()


def test_a_write_lets_go_a_bounded_number_and_later_ones_the_rest(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 1, clock)
    store.write([decision(number) for number in range(3_000)])
    clock.day += 5
    store.write([decision(number) for number in range(3_000, 4_000)])
    assert rows(path)["decision"] == 4_000 - AT_ONCE_MAX
    store.write([decision(4_000)])
    assert rows(path)["decision"] == 4_001 - AT_ONCE_MAX - AT_ONCE_LEAST - 2
    for number in range(4_001, 4_061):
        store.write([decision(number)])
    assert rows(path)["decision"] == 1_061
    store.close()


def test_numbers_go_on_when_all_but_the_newest_are_gone(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 1, clock)
    for number in range(40):
        store.write([decision(number, user=f"u{number}")])
        clock.day += 10
    assert rows(path)["decision"] == 1
    assert [d.event_id for d in store.of_entity("shop", "s", None, 9).decisions] == ["39"]
    store.close()


def test_a_clock_that_jumps_back_forgets_nothing_and_goes_on_forgetting_later(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 2, clock)
    store.write([decision(1)])
    clock.day -= 100
    store.write([decision(2)])
    store.close()
    store = SqliteDecisions(path, 2, clock)
    store.write([decision(3)])
    assert rows(path)["decision"] == 3
    clock.day += 103
    store.write([decision(4)])
    assert rows(path)["decision"] == 1
    store.close()


def test_decisions_from_before_days_were_noted_count_from_the_first_day(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 0, clock)
    store.write([decision(1)])
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE written_day")
    connection.close()
    store = SqliteDecisions(path, 2, clock)
    clock.day += 1
    store.write([decision(2)])
    clock.day += 2
    store.write([decision(3)])
    assert rows(path)["decision"] == 3
    clock.day += 1
    store.write([decision(4)])
    assert rows(path)["decision"] == 2
    store.close()


def test_the_file_is_used_again_and_does_not_grow_for_ever(path: pathlib.Path, clock: Clock) -> None:
    store = SqliteDecisions(path, 2, clock)
    sizes = []
    for day in range(12):
        for first in range(0, 1_000, 100):
            store.write([decision(day * 1_000 + first + number) for number in range(100)])
        clock.day += 1
        sizes.append(_pages(path))
    assert max(sizes[6:]) <= 1.1 * max(sizes[:6])
    store.close()


def _pages(path: pathlib.Path) -> int:
    connection = sqlite3.connect(path)
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connection.close()
    return pages


def test_decisions_stay_through_a_while_in_which_the_clock_is_a_year_ahead(path: pathlib.Path, clock: Clock) -> None:
    age_ms = int(clock() * 1000)
    store = SqliteDecisions(path, 3, clock, lambda: age_ms)
    store.write([decision(number) for number in range(10)])
    clock.day += 365
    for number in range(10, 20):
        store.write([decision(number)])
    assert rows(path)["decision"] == 20
    age_ms = int(clock() * 1000)
    store.write([decision(20)])
    assert rows(path)["decision"] == 11
    store.close()
