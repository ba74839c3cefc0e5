"""API tokens in a SQLite file of their own."""

import contextlib
import pathlib
import sqlite3
import threading
from collections.abc import Iterator

from stores.decisions import StoreUnavailableError
from stores.sqlite.sqlite import open_for_writing
from stores.tokens import StoredToken, taken

MIGRATIONS = (
    (
        """CREATE TABLE token (
            name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, by TEXT NOT NULL, made_at_ms INTEGER NOT NULL,
            expires_at_ms INTEGER, revoked_at_ms INTEGER) WITHOUT ROWID""",
    ),
)
_COLUMNS = "name, hash, roles, by, made_at_ms, expires_at_ms, revoked_at_ms"


class SqliteTokens:
    """See `stores.tokens.Tokens`. Each call is one transaction under a lock.

    Args:
        path: of the file, made with its folder where missing.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._connection = open_for_writing(path, MIGRATIONS)
        self._lock = threading.Lock()
        # A token that was revoked stays so after a power cut.
        self._connection.execute("PRAGMA synchronous=FULL")

    def add(self, token: StoredToken) -> bool:
        return bool(self._rows(f"INSERT OR IGNORE INTO token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING name", *_row(token)))  # noqa: S608

    def replace(self, token: StoredToken) -> None:
        other = self.by_hash(token.hash)
        if other is not None and other.name != token.name:
            raise taken(token.name, other.name)
        self._rows(f"INSERT OR REPLACE INTO token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", *_row(token))  # noqa: S608

    def by_hash(self, hash: str) -> StoredToken | None:
        return self._one(f"SELECT {_COLUMNS} FROM token WHERE hash = ?", hash)  # noqa: S608

    def by_name(self, name: str) -> StoredToken | None:
        return self._one(f"SELECT {_COLUMNS} FROM token WHERE name = ?", name)  # noqa: S608

    def all(self) -> list[StoredToken]:
        return [_token(row) for row in self._rows(f"SELECT {_COLUMNS} FROM token ORDER BY name")]  # noqa: S608

    def revoke(self, name: str, at_ms: int) -> StoredToken | None:
        self._rows("UPDATE token SET revoked_at_ms = ? WHERE name = ? AND revoked_at_ms IS NULL", at_ms, name)
        return self.by_name(name)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _one(self, query: str, value: str) -> StoredToken | None:
        rows = self._rows(query, value)
        return _token(rows[0]) if rows else None

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock, naming_the_store("tokens"):
            return self._connection.execute(query, values).fetchall()


@contextlib.contextmanager
def naming_the_store(name: str) -> Iterator[None]:
    """A file that is locked, full or gone is a store that does not answer."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreUnavailableError(f"SQLite, {name}: {error}") from error


def _row(token: StoredToken) -> tuple[object, ...]:
    return (token.name, token.hash, " ".join(token.roles), token.by, token.made_at_ms, token.expires_at_ms, token.revoked_at_ms)


def _token(row: tuple[object, ...]) -> StoredToken:
    name, hash, roles, by, made, expires, revoked = row
    return StoredToken(str(name), str(hash), tuple(str(roles).split()), str(by), _whole(made) or 0, _whole(expires), _whole(revoked))


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))
