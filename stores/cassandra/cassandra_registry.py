"""The registry of definitions and releases in Cassandra: an id is taken by a lightweight transaction, so that no two releases have it.

Tables: ``definition`` with the bytes of a text, in pieces, one partition a hash, and ``definition_whole`` with the hashes of which all
pieces are there; ``definition_of_part`` for listing; ``release``, all in one partition, the newest first.
"""

import random
import threading
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from cassandra.query import BoundStatement

from foundation.refusal import Refusal
from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_opening import Place
from stores.decisions import StoreUnavailableError
from stores.registry import StoredDefinition, StoredRelease, content_hash

PIECE_BYTES = 262_144
"""Far below the half of a commit log's segment, which is the most that a node takes at once."""
PIECES_AT_ONCE = 4
TRIES_MAX = 200
PAUSE_SECONDS_MAX = 0.02
MIGRATIONS = (
    (
        "CREATE TABLE IF NOT EXISTS definition (hash text, number int, piece blob, PRIMARY KEY (hash, number))",
        "CREATE TABLE IF NOT EXISTS definition_whole (hash text PRIMARY KEY, pieces int)",
        """CREATE TABLE IF NOT EXISTS definition_of_part (
            part text, hash text, put_by text, at_ms bigint, PRIMARY KEY (part, hash))""",
        """CREATE TABLE IF NOT EXISTS release (
            log int, id bigint, parts text, made_by text, at_ms bigint, published boolean, PRIMARY KEY (log, id))
            WITH CLUSTERING ORDER BY (id DESC)""",
    ),
)
_SUFFIX = "_registry"
_PIECE = "INSERT INTO definition (hash, number, piece) VALUES (?, ?, ?)"
_WHOLE = "INSERT INTO definition_whole (hash, pieces) VALUES (?, ?)"
_IS_WHOLE = "SELECT pieces FROM definition_whole WHERE hash = ?"
_PIECES = "SELECT piece FROM definition WHERE hash = ?"
_NOTE = "INSERT INTO definition_of_part (part, hash, put_by, at_ms) VALUES (?, ?, ?, ?) IF NOT EXISTS"
_OF_PART = "SELECT hash, part, put_by, at_ms FROM definition_of_part WHERE part = ?"
_COLUMNS = "id, parts, made_by, at_ms"
_TAKE = f"INSERT INTO release (log, {_COLUMNS}, published) VALUES (0, ?, ?, ?, ?, ?) IF NOT EXISTS"  # noqa: S608
_REPLACE = """UPDATE release SET parts = ?, made_by = ?, at_ms = ?, published = true
    WHERE log = 0 AND id = ? IF published = false AND parts = ?"""
_PUBLISHED = "UPDATE release SET published = true WHERE log = 0 AND id = ? IF EXISTS"
_SELECT = f"SELECT {_COLUMNS}, published FROM release WHERE log = 0"  # noqa: S608
_GET = f"{_SELECT} AND id = ?"
_NEWEST = f"{_SELECT} LIMIT ?"
_BEFORE = f"{_SELECT} AND id < ? LIMIT ?"
_PENDING = f"{_SELECT} AND published = false ALLOW FILTERING"
_ALL = (_PIECE, _WHOLE, _IS_WHOLE, _PIECES, _NOTE, _OF_PART, _TAKE, _REPLACE, _PUBLISHED, _GET, _NEWEST, _BEFORE, _PENDING)


def registry_place(place: Place) -> Place:
    """The keyspace beside that of `place`, whose name ends with ``_registry``."""
    return msgspec.structs.replace(place, keyspace=place.keyspace + _SUFFIX)


class CassandraRegistry:
    """See `stores.registry.Registry`. Any call raises `StoreUnavailableError` when no node answers in time; a release that was
    to be stored may have been, and is pending then.

    Args:
        place: the keyspace.

    Raises:
        Refusal: no node answers and `place` is not patient, or the tables are of another version.
    """

    def __init__(self, place: Place) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, True, _ALL)
        self._lock = threading.Lock()

    def put(self, part: str, text: str, by: str, at_ms: int) -> str:
        """See `Registry.put`: all pieces are there before the text is."""
        hash = content_hash(text)
        if not self._is_whole(hash):
            raw = text.encode()
            pieces = [raw[first : first + PIECE_BYTES] for first in range(0, len(raw), PIECE_BYTES)]
            self._keyspace.write(self._keyspace.bound(_PIECE, hash, number, piece) for number, piece in enumerate(pieces))
            self._keyspace.write([self._keyspace.bound(_WHOLE, hash, len(pieces))])
        self._keyspace.change(_NOTE, part, hash, by, at_ms)
        return hash

    def text(self, hash: str) -> str | None:
        if not self._is_whole(hash):
            return None
        return b"".join(piece for (piece,) in self._keyspace.rows(_PIECES, hash, page=PIECES_AT_ONCE)).decode()

    def definitions(self, part: str, limit: int) -> list[StoredDefinition]:
        """See `Registry.definitions`: reads the names of all of that part, not their texts."""
        found = [StoredDefinition(*row) for row in self._keyspace.rows(_OF_PART, part)]
        return sorted(found, key=lambda each: (-each.at_ms, each.hash))[:limit]

    def release(self, parts: Mapping[str, str], by: str, at_ms: int) -> int:
        self._require(parts)
        with self._lock:
            for _ in range(TRIES_MAX):
                id = self._next_id()
                if self._keyspace.change(_TAKE, id, _text_of(parts), by, at_ms, False):
                    return id
                _pause()
        raise _no_place()

    def adopt(self, release: StoredRelease) -> None:
        """See `Registry.adopt`: a pending one moves in the same transaction. Repeating it changes nothing."""
        self._require(release.parts)
        with self._lock:
            for _ in range(TRIES_MAX):
                if self._adopt(release):
                    return
                _pause()
        raise _no_place()

    def newest(self) -> StoredRelease | None:
        return next(map(_release, self._keyspace.rows(_NEWEST, 1)), None)

    def get(self, id: int) -> StoredRelease | None:
        return next(map(_release, self._keyspace.rows(_GET, id)), None)

    def releases(self, limit: int, before: int | None = None) -> list[StoredRelease]:
        rows = self._keyspace.rows(_NEWEST, limit) if before is None else self._keyspace.rows(_BEFORE, before, limit)
        return [_release(row) for row in rows]

    def pending_publication(self) -> list[StoredRelease]:
        return sorted(map(_release, self._keyspace.rows(_PENDING)), key=lambda release: release.id)

    def published(self, id: int) -> None:
        self._keyspace.change(_PUBLISHED, id)

    def close(self) -> None:
        self._keyspace.close()

    def _adopt(self, release: StoredRelease) -> bool:
        """Whether it was done; false when another changed that id meanwhile."""
        parts = _text_of(release.parts)
        there = next(self._keyspace.rows(_GET, release.id), None)
        if there is None:
            return self._keyspace.change(_TAKE, release.id, parts, release.by, release.at_ms, True)
        _, parts_there, *made_there, published = there
        if published or parts_there == parts:
            return self._keyspace.change(_PUBLISHED, release.id)
        # A pending one of that id was never seen by anybody: it takes the next free id.
        bound = self._keyspace.bound
        moved: BoundStatement = bound(_TAKE, self._next_id(), parts_there, *made_there, False)
        return self._keyspace.change_all([moved, bound(_REPLACE, parts, release.by, release.at_ms, release.id, parts_there)])

    def _next_id(self) -> int:
        newest = self.newest()
        return newest.id + 1 if newest else 1

    def _is_whole(self, hash: str) -> bool:
        return bool(hash) and any(self._keyspace.rows(_IS_WHOLE, hash))

    def _require(self, parts: Mapping[str, str]) -> None:
        for part, hash in parts.items():
            if not self._is_whole(hash):
                raise Refusal("unknown definition", where=f"release: {part}", expected="the hash of a stored definition", got=hash)


def _pause() -> None:
    time.sleep(random.uniform(0.0, PAUSE_SECONDS_MAX))  # noqa: S311 - others take an id at the same moment


def _no_place() -> StoreUnavailableError:
    return StoreUnavailableError(f"Cassandra: no id for a release in {TRIES_MAX} tries")


def _text_of(parts: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(sorted(parts.items()))).decode()


def _release(row: tuple[Any, ...]) -> StoredRelease:
    id, parts, by, at_ms, _ = row
    return StoredRelease(id, msgspec.json.decode(parts, type=dict[str, str]), by, at_ms)
