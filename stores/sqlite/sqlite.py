"""SQLite files that one process writes and others read."""

import pathlib
import sqlite3
import threading
import time
from collections.abc import Sequence

from foundation.refusal import Refusal

BUSY_SECONDS_MAX = 30.0
PAGE_BYTES = 1_024
PAGES_AHEAD_MAX = 16_384
"""What the log holds before it is copied into the file. A decision touches seven pages far from each other: with pages of 4 KB and 1,000
of them ahead, the defaults, it writes 24 KB, and so 10 KB, for the same CPU. The broker waits for the same disk."""


def open_for_writing(path: pathlib.Path, migrations: Sequence[Sequence[str]]) -> sqlite3.Connection:
    """Opens or makes the file at `path` and brings its tables to the newest version.

    Args:
        migrations: statements from each version to the next; a published one never changes.

    Raises:
        Refusal: the file was written by a newer version, or is not a database.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")  # of a new file; others stay as they are
        connection.execute("PRAGMA journal_mode=WAL")
        # Without a sync at each commit a power cut may lose the last ones, but a crash of the process may not.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint={PAGES_AHEAD_MAX}")
        connection.execute("PRAGMA temp_store=MEMORY")  # a statement that puts many rows keeps the pages there that it changes
        connection.execute("BEGIN IMMEDIATE")
        _migrate(connection, path, migrations)
        connection.execute("COMMIT")
    except (sqlite3.DatabaseError, Refusal) as error:
        connection.close()
        if isinstance(error, Refusal | sqlite3.OperationalError):
            raise
        raise Refusal("not a store", where=str(path), expected="a SQLite database", got=str(error)) from error
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 where there are none yet."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone():
        return 0
    return int(connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: pathlib.Path, migrations: Sequence[Sequence[str]]) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL)")
    version = version_of(connection)
    if version > len(migrations):
        raise _too_new(path, len(migrations), version)
    for number, statements in enumerate(migrations[version:], version + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", (number, int(time.time() * 1000)))


def _too_new(path: pathlib.Path, known: int, found: int) -> Refusal:
    return Refusal(
        "store of a newer version", where=str(path), expected=f"tables of version {known} at most", got=found, remedy="upgrade this program"
    )


class Reading:
    """Read-only use of a file that another process makes and writes; empty until it is there. Safe for threads.

    Args:
        path: of the file.
        version: that the tables have to have.
    """

    def __init__(self, path: pathlib.Path, version: int) -> None:
        self._path = path
        self._version = version
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The answer to a query; none while the file has no tables of the version yet."""
        with self._lock:
            connection = self._connection or self._open()
            return connection.execute(query, values).fetchall() if connection else []

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection | None:
        if not self._path.exists():
            return None
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
        )
        found = version_of(connection)
        if found > self._version:
            connection.close()
            raise _too_new(self._path, self._version, found)
        if found < self._version:
            connection.close()
            return None
        self._connection = connection
        return connection
