"""The registry of definitions and releases in Cassandra: what may happen once only is a lightweight transaction.

Tables: ``definition`` with the parts of a compressed text, a partition a hash; ``definition_of_part`` newest first; ``release`` in one
partition, newest first. A keyspace of its own, whose name ends with ``_registry``.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from features.refusal import Refusal
from stores.cassandra import Keyspace, Place
from stores.registry import StoredDefinition, StoredRelease, content_hash

MIGRATIONS = (
    (
        "CREATE TABLE IF NOT EXISTS definition (hash text, number int, count int, piece blob, PRIMARY KEY (hash, number))",
        """CREATE TABLE IF NOT EXISTS definition_of_part (
            part text, at_ms bigint, hash text, made_by text, PRIMARY KEY (part, at_ms, hash))
            WITH CLUSTERING ORDER BY (at_ms DESC, hash ASC)""",
        "CREATE TABLE IF NOT EXISTS first_put (part text, hash text, at_ms bigint, PRIMARY KEY (part, hash))",
        """CREATE TABLE IF NOT EXISTS release (
            one int, id bigint, parts text, made_by text, at_ms bigint, published boolean, PRIMARY KEY (one, id))
            WITH CLUSTERING ORDER BY (id DESC)""",
    ),
)
PIECE_BYTES = 262_144
"""Of a compressed text a row: Cassandra takes no row of more than half a segment of its commit log."""
_SUFFIX = "_registry"
_NEWEST_FIRST = 1 << 62

_KEEP = "INSERT INTO definition (hash, number, count, piece) VALUES (?, ?, ?, ?)"
_PIECES = "SELECT number, count, piece FROM definition WHERE hash = ?"
_IS_THERE = "SELECT count, number FROM definition WHERE hash = ? AND number = 0"
_FIRST_PUT = "INSERT INTO first_put (part, hash, at_ms) VALUES (?, ?, ?) IF NOT EXISTS"
_WHEN_PUT = "SELECT at_ms FROM first_put WHERE part = ? AND hash = ?"
_OF_PART = "INSERT INTO definition_of_part (part, at_ms, hash, made_by) VALUES (?, ?, ?, ?)"
_DEFINITIONS = "SELECT hash, part, made_by, at_ms FROM definition_of_part WHERE part = ? LIMIT ?"
_COLUMNS = "id, parts, made_by, at_ms, published"
_RELEASES = f"SELECT {_COLUMNS} FROM release WHERE one = 0 AND id < ? LIMIT ?"  # noqa: S608
_RELEASE = f"SELECT {_COLUMNS} FROM release WHERE one = 0 AND id = ?"  # noqa: S608
_ALL = f"SELECT {_COLUMNS} FROM release WHERE one = 0"  # noqa: S608
_TAKE = "INSERT INTO release (one, id, parts, made_by, at_ms, published) VALUES (0, ?, ?, ?, ?, ?) IF NOT EXISTS"
_REPLACE = """UPDATE release SET parts = ?, made_by = ?, at_ms = ?, published = true WHERE one = 0 AND id = ?
    IF parts = ? AND published = false"""
_PUBLISHED = "UPDATE release SET published = true WHERE one = 0 AND id = ? IF EXISTS"
_STATEMENTS = (
    *(_KEEP, _PIECES, _IS_THERE, _FIRST_PUT, _WHEN_PUT, _OF_PART, _DEFINITIONS),
    *(_RELEASES, _RELEASE, _ALL, _TAKE, _REPLACE, _PUBLISHED),
)


def registry_place(place: Place) -> Place:
    """The keyspace beside that of `place`, whose name ends with ``_registry``; nothing in it is ever let go."""
    return msgspec.structs.replace(place, keyspace=place.keyspace + _SUFFIX, kept_days=0)


class CassandraRegistry:
    """See `stores.registry.Registry`.

    Args:
        place: the keyspace; its tables are made where they are missing.

    Raises:
        Refusal: no node answers, or the tables are of another version.
        StoreUnavailableError: any call.
    """

    def __init__(self, place: Place) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, True, _STATEMENTS)

    def put(self, part: str, text: str, by: str, at_ms: int) -> str:
        """See `Registry.put`. The text is whole before anything names it; a crash in between leaves pieces that the next try completes."""
        hash = content_hash(text)
        if self.text(hash) is None:
            packed = zlib.compress(text.encode())
            pieces = [packed[first : first + PIECE_BYTES] for first in range(0, len(packed), PIECE_BYTES)]
            for number, piece in enumerate(pieces):
                self._keyspace.write([self._keyspace.bound(_KEEP, hash, number, len(pieces), piece)])
        self._keyspace.change(_FIRST_PUT, part, hash, at_ms)
        [(first_ms,)] = self._keyspace.rows(_WHEN_PUT, part, hash)
        if first_ms == at_ms:
            self._keyspace.write([self._keyspace.bound(_OF_PART, part, at_ms, hash, by)])
        return hash

    def text(self, hash: str) -> str | None:
        rows = list(self._keyspace.rows(_PIECES, hash))
        if not rows or len(rows) < rows[0][1]:
            return None
        return zlib.decompress(b"".join(piece for _, _, piece in rows)).decode()

    def definitions(self, part: str, limit: int) -> list[StoredDefinition]:
        return [StoredDefinition(*row) for row in self._keyspace.rows(_DEFINITIONS, part, limit)]

    def release(self, parts: Mapping[str, str], by: str, at_ms: int) -> int:
        """See `Registry.release`: an id that another takes meanwhile is passed over."""
        self._require(parts)
        id = self._next_id()
        while not self._keyspace.change(_TAKE, id, _text_of(parts), by, at_ms, False):
            id += 1
        return id

    def adopt(self, release: StoredRelease) -> None:
        """See `Registry.adopt`: repeating it changes nothing. A pending one is moved before its id is given away: a crash repeats it."""
        self._require(release.parts)
        parts = _text_of(release.parts)
        while not self._keyspace.change(_TAKE, release.id, parts, release.by, release.at_ms, True):
            there = next(self._keyspace.rows(_RELEASE, release.id), None)
            if there is None:
                continue
            _, held, held_by, held_at_ms, published = there
            if published or held == parts:
                self.published(release.id)
                return
            moved = self._next_id()
            while not self._keyspace.change(_TAKE, moved, held, held_by, held_at_ms, False):
                moved += 1
            if self._keyspace.change(_REPLACE, parts, release.by, release.at_ms, release.id, held):
                return

    def newest(self) -> StoredRelease | None:
        return next(iter(self.releases(1)), None)

    def get(self, id: int) -> StoredRelease | None:
        return next(map(_release, self._keyspace.rows(_RELEASE, id)), None)

    def releases(self, limit: int, before: int | None = None) -> list[StoredRelease]:
        return [_release(row) for row in self._keyspace.rows(_RELEASES, _NEWEST_FIRST if before is None else before, limit)]

    def pending_publication(self) -> list[StoredRelease]:
        """See `Registry.pending_publication`; reads all releases, of which there are thousands."""
        return [_release(row) for row in self._keyspace.rows(_ALL) if not row[4]][::-1]

    def published(self, id: int) -> None:
        self._keyspace.change(_PUBLISHED, id)

    def close(self) -> None:
        self._keyspace.close()

    def _next_id(self) -> int:
        newest = self.newest()
        return 1 if newest is None else newest.id + 1

    def _require(self, parts: Mapping[str, str]) -> None:
        for part, hash in parts.items():
            if not list(self._keyspace.rows(_IS_THERE, hash)):
                raise Refusal("unknown definition", where=f"release: {part}", expected="the hash of a stored definition", got=hash)


def _text_of(parts: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(sorted(parts.items()))).decode()


def _release(row: tuple[Any, ...]) -> StoredRelease:
    id, parts, by, at_ms, _ = row
    return StoredRelease(id, msgspec.json.decode(parts, type=dict[str, str]), by, at_ms)
