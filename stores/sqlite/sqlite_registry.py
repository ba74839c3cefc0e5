"""The registry of definitions and releases in a SQLite file of its own."""

import pathlib
import threading
from collections.abc import Mapping

import msgspec

from foundation.refusal import Refusal
from stores.registry import StoredDefinition, StoredRelease, content_hash
from stores.sqlite.sqlite import open_for_writing
from stores.sqlite.sqlite_tokens import naming_the_store

ID_AFTER_ALL = (1 << 63) - 1

MIGRATIONS = (
    (
        """CREATE TABLE definition (
            hash TEXT PRIMARY KEY, part TEXT NOT NULL, text TEXT NOT NULL, by TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE release (
            id INTEGER PRIMARY KEY, parts TEXT NOT NULL, by TEXT NOT NULL, at_ms INTEGER NOT NULL, published INTEGER NOT NULL)""",
    ),
    (
        """CREATE TABLE definition_of_part (
            part TEXT NOT NULL, at_ms INTEGER NOT NULL, hash TEXT NOT NULL, by TEXT NOT NULL, PRIMARY KEY (part, hash)) WITHOUT ROWID""",
        "INSERT INTO definition_of_part SELECT part, at_ms, hash, by FROM definition",
    ),
)


class SqliteRegistry:
    """See `stores.registry.Registry`. Each call is one transaction under a lock.

    Args:
        path: of the file, made with its folder where missing.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._connection = open_for_writing(path, MIGRATIONS)
        self._lock = threading.Lock()
        # What is published must outlive a power cut: the ids grow for ever.
        self._connection.execute("PRAGMA synchronous=FULL")

    def put(self, part: str, text: str, by: str, at_ms: int) -> str:
        hash = content_hash(text)
        self._rows("INSERT OR IGNORE INTO definition VALUES (?, ?, ?, ?, ?)", hash, part, text, by, at_ms)
        self._rows("INSERT OR IGNORE INTO definition_of_part VALUES (?, ?, ?, ?)", part, at_ms, hash, by)
        return hash

    def text(self, hash: str) -> str | None:
        rows = self._rows("SELECT text FROM definition WHERE hash = ?", hash)
        return str(rows[0][0]) if rows else None

    def definitions(self, part: str, limit: int) -> list[StoredDefinition]:
        query = "SELECT hash, part, by, at_ms FROM definition_of_part WHERE part = ? ORDER BY at_ms DESC, hash LIMIT ?"
        return [_definition(row) for row in self._rows(query, part, limit)]

    def release(self, parts: Mapping[str, str], by: str, at_ms: int) -> int:
        """See `Registry.release`: the id is chosen and taken in one statement, so that no other process gets the same."""
        self._require(parts)
        query = "INSERT INTO release SELECT coalesce(max(id), 0) + 1, ?, ?, ?, 0 FROM release RETURNING id"
        [[id]] = self._rows(query, _text_of(parts), by, at_ms)
        return int(str(id))

    def adopt(self, release: StoredRelease) -> None:
        """See `Registry.adopt`: repeating it changes nothing."""
        self._require(release.parts)
        parts = _text_of(release.parts)
        # A pending one of that id was never seen by anybody: it takes the next free id.
        move = "UPDATE release SET id = (SELECT max(id) + 1 FROM release) WHERE id = ? AND published = 0 AND parts <> ?"
        self._rows(move, release.id, parts)
        self._rows(
            "INSERT INTO release VALUES (?, ?, ?, ?, 1) ON CONFLICT (id) DO UPDATE SET published = 1",
            release.id,
            parts,
            release.by,
            release.at_ms,
        )

    def newest(self) -> StoredRelease | None:
        return self._one("SELECT id, parts, by, at_ms FROM release ORDER BY id DESC LIMIT 1")

    def get(self, id: int) -> StoredRelease | None:
        return self._one("SELECT id, parts, by, at_ms FROM release WHERE id = ?", id)

    def releases(self, limit: int, before: int | None = None) -> list[StoredRelease]:
        query = "SELECT id, parts, by, at_ms FROM release WHERE id < ? ORDER BY id DESC LIMIT ?"
        return [_release(row) for row in self._rows(query, ID_AFTER_ALL if before is None else before, limit)]

    def pending_publication(self) -> list[StoredRelease]:
        return [_release(row) for row in self._rows("SELECT id, parts, by, at_ms FROM release WHERE published = 0 ORDER BY id")]

    def published(self, id: int) -> None:
        self._rows("UPDATE release SET published = 1 WHERE id = ?", id)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _require(self, parts: Mapping[str, str]) -> None:
        for part, hash in parts.items():
            if self.text(hash) is None:
                raise Refusal("unknown definition", where=f"release: {part}", expected="the hash of a stored definition", got=hash)

    def _one(self, query: str, *values: object) -> StoredRelease | None:
        rows = self._rows(query, *values)
        return _release(rows[0]) if rows else None

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock, naming_the_store("registry"):
            return self._connection.execute(query, values).fetchall()


def _text_of(parts: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(sorted(parts.items()))).decode()


def _release(row: tuple[object, ...]) -> StoredRelease:
    id, parts, by, at_ms = row
    return msgspec.convert({"id": id, "parts": msgspec.json.decode(str(parts)), "by": by, "at_ms": at_ms}, StoredRelease)


def _definition(row: tuple[object, ...]) -> StoredDefinition:
    return msgspec.convert(dict(zip(StoredDefinition.__struct_fields__, row, strict=True)), StoredDefinition)
