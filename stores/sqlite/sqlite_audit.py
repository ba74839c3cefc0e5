"""The audit log in a SQLite file of its own."""

import pathlib
import threading
from collections.abc import Callable, Iterator, Sequence

from foundation.refusal import Refusal
from stores.audit import FIRST, Entry, Fact, link
from stores.sqlite.sqlite import Reading, open_for_writing
from stores.sqlite.sqlite_tokens import naming_the_store

MIGRATIONS = (
    (
        """CREATE TABLE entry (
            number INTEGER PRIMARY KEY, previous TEXT NOT NULL, said TEXT NOT NULL, hash TEXT NOT NULL)""",
    ),
)
ROWS_AT_ONCE = 500
_COLUMNS = "number, previous, said, hash"


class SqliteAudit:
    """See `stores.audit.Audit`. An entry is one transaction, so that processes append one after the other.

    Args:
        path: of the file, made with its folder where missing.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._connection = open_for_writing(path, MIGRATIONS)
        self._lock = threading.Lock()
        # A change must not outlive its entry in a power cut.
        self._connection.execute("PRAGMA synchronous=FULL")

    def append(self, fact: Fact) -> Entry:
        with self._lock, naming_the_store("audit"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                newest = self._connection.execute("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
                number, previous = newest or (0, FIRST)
                entry = link(number + 1, previous, fact)
                values = (entry.number, entry.previous, entry.said, entry.hash)
                self._connection.execute(f"INSERT INTO entry ({_COLUMNS}) VALUES (?, ?, ?, ?)", values)  # noqa: S608
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return entry

    def page(self, before: int | None, limit: int) -> list[Entry]:
        query = f"SELECT {_COLUMNS} FROM entry WHERE number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608
        return [_entry(row) for row in self._rows(query, (1 << 62) if before is None else before, limit)]

    def walk(self) -> Iterator[Entry]:
        return _walk(self._rows)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock, naming_the_store("audit"):
            return self._connection.execute(query, values).fetchall()


def walk_file(path: pathlib.Path) -> Iterator[Entry]:
    """All entries of the file at `path`, the oldest first, without writing to it.

    Raises:
        Refusal: there is no such file.
    """
    if not path.exists():
        raise Refusal("no audit log", where=str(path), expected="the audit log of a system that was started", got="no such file")
    reading = Reading(path, len(MIGRATIONS))
    try:
        with naming_the_store("audit"):
            yield from _walk(lambda query, *values: reading.rows(query, values))
    finally:
        reading.close()


def _entry(row: Sequence[object]) -> Entry:
    number, previous, said, hash = row
    return Entry(int(str(number)), str(previous), str(said), str(hash))


def _walk(rows: Callable[..., list[tuple[object, ...]]]) -> Iterator[Entry]:
    number = -(1 << 62)
    query = f"SELECT {_COLUMNS} FROM entry WHERE number > ? ORDER BY number LIMIT {ROWS_AT_ONCE}"  # noqa: S608
    while found := rows(query, number):
        for row in found:
            entry = _entry(row)
            number = entry.number
            yield entry
