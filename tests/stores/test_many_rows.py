"""Many rows go into SQLite by few calls, and as they would one by one."""

import sqlite3
from collections.abc import Iterator

import pytest

from stores.sqlite.many_rows import ROWS_AT_ONCE, put_rows


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("create table t (key integer primary key, value text)")
    yield made
    made.close()


@pytest.mark.parametrize("count", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 5 * ROWS_AT_ONCE + 3])
def test_all_rows_are_put(connection: sqlite3.Connection, count: int) -> None:
    put_rows(connection, "insert into t", ((key, f"v{key}") for key in range(count)), 2)
    assert connection.execute("select * from t order by key").fetchall() == [(key, f"v{key}") for key in range(count)]


def test_of_rows_with_one_key_the_last_one_counts(connection: sqlite3.Connection) -> None:
    rows = [(key % 10, f"v{key}") for key in range(2 * ROWS_AT_ONCE + 7)]
    put_rows(connection, "insert into t", rows, 2, "on conflict (key) do update set value = excluded.value")
    assert dict(connection.execute("select * from t").fetchall()) == dict(rows)


def test_rows_that_do_not_fit_are_refused_as_one_by_one(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        put_rows(connection, "insert into t", [(1, "a")] * ROWS_AT_ONCE, 2)


def test_many_rows_take_few_calls(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    put_rows(connection, "insert into t", ((key, "v") for key in range(10 * ROWS_AT_ONCE)), 2)
    assert len(statements) == 10
