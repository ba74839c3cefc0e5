"""Definitions and releases in the relational store."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, LargeBinary, Row, Table, func, insert, select, update

from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from stores.registry import StoredDefinition, StoredRelease
from stores.relational.database import Database, in_parts, insert_unless_there, lock_out_writers
from stores.relational.tables import METADATA, TEXT

DEFINITION = Table(
    "definition",
    METADATA,
    Column("hash", TEXT, primary_key=True),
    Column("text", LargeBinary, nullable=False),
)
"""The text as the bytes that its hash was taken of: PostgreSQL's own texts cannot hold all of those."""
DEFINITION_OF_PART = Table(
    "definition_of_part",
    METADATA,
    Column("part", TEXT, primary_key=True),
    Column("hash", TEXT, ForeignKey(DEFINITION.c.hash), primary_key=True),
    Column("put_by", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
RELEASE = Table(
    "release",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("parts", TEXT, nullable=False),
    Column("made_by", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("published", Boolean, nullable=False),
)
_SHOWN = select(RELEASE.c.id, RELEASE.c.parts, RELEASE.c.made_by, RELEASE.c.at_ms)


class RelationalRegistry:
    """See `stores.registry.Registry`. Each call is one transaction; those that give ids to releases have their turn one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, part: str, text: str, by: str, at_ms: int) -> str:
        return self.put_many({part: text}, by, at_ms)[part]

    def put_many(self, texts: Mapping[str, str], by: str, at_ms: int) -> dict[str, str]:
        hashes = {part: content_hash(text) for part, text in texts.items()}
        with self._database.writing() as connection:
            known = _known(connection, hashes.values())
            for part, hash in hashes.items():
                if hash not in known:
                    insert_unless_there(connection, DEFINITION, hash=hash, text=texts[part].encode())
                insert_unless_there(connection, DEFINITION_OF_PART, part=part, hash=hash, put_by=by, at_ms=at_ms)
        return hashes

    def text(self, hash: str) -> str | None:
        with self._database.reading() as connection:
            raw = connection.execute(select(DEFINITION.c.text).where(DEFINITION.c.hash == hash)).scalar()
        return None if raw is None else bytes(raw).decode()

    def definitions(self, part: str, limit: int) -> list[StoredDefinition]:
        table = DEFINITION_OF_PART.c
        query = select(table.hash, table.part, table.put_by, table.at_ms).where(table.part == part)
        with self._database.reading() as connection:
            return [StoredDefinition(*row) for row in connection.execute(query.order_by(table.at_ms.desc(), table.hash).limit(limit))]

    def release(self, parts: Mapping[str, str], by: str, at_ms: int) -> int:
        with self._database.writing() as connection:
            _require(connection, parts)
            lock_out_writers(connection, RELEASE)
            id = _next_id(connection)
            connection.execute(insert(RELEASE).values(id=id, parts=text_of(parts), made_by=by, at_ms=at_ms, published=False))
        return id

    def adopt(self, release: StoredRelease) -> None:
        """See `Registry.adopt`: repeating it changes nothing."""
        parts = text_of(release.parts)
        with self._database.writing() as connection:
            _require(connection, release.parts)
            lock_out_writers(connection, RELEASE)
            # A pending one of that id was never seen by anybody: it takes the next free id.
            pending = (RELEASE.c.id == release.id) & ~RELEASE.c.published & (RELEASE.c.parts != parts)
            connection.execute(update(RELEASE).where(pending).values(id=_next_id(connection)))
            there = update(RELEASE).where(RELEASE.c.id == release.id).values(published=True)
            if not connection.execute(there).rowcount:
                row = {"id": release.id, "parts": parts, "made_by": release.by, "at_ms": release.at_ms, "published": True}
                connection.execute(insert(RELEASE).values(row))

    def newest(self) -> StoredRelease | None:
        return next(iter(self.releases(1)), None)

    def get(self, id: int) -> StoredRelease | None:
        with self._database.reading() as connection:
            row = connection.execute(_SHOWN.where(RELEASE.c.id == id)).first()
        return _release(row) if row else None

    def releases(self, limit: int, before: int | None = None) -> list[StoredRelease]:
        query = _SHOWN if before is None else _SHOWN.where(RELEASE.c.id < before)
        with self._database.reading() as connection:
            return [_release(row) for row in connection.execute(query.order_by(RELEASE.c.id.desc()).limit(limit))]

    def pending_publication(self) -> list[StoredRelease]:
        with self._database.reading() as connection:
            return [_release(row) for row in connection.execute(_SHOWN.where(~RELEASE.c.published).order_by(RELEASE.c.id))]

    def published(self, id: int) -> None:
        with self._database.writing() as connection:
            connection.execute(update(RELEASE).where(RELEASE.c.id == id).values(published=True))


def text_of(parts: Mapping[str, str]) -> str:
    """The parts of a release as they are kept: JSON in the order of their names."""
    return msgspec.json.encode(dict(sorted(parts.items()))).decode()


def _require(connection: Connection, parts: Mapping[str, str]) -> None:
    known = _known(connection, parts.values())
    for part, hash in parts.items():
        if hash not in known:
            raise Refusal("unknown definition", where=f"release: {part}", expected="the hash of a stored definition", got=hash)


def _known(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Returns those of `hashes` whose texts are stored."""
    asked, known = list(hashes), set[str]()
    for part in in_parts(asked):
        query = select(DEFINITION.c.hash).where(DEFINITION.c.hash.in_(part))
        known.update(connection.execute(query).scalars())
    return known


def _next_id(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(RELEASE.c.id), 0))).scalar_one()) + 1


def _release(row: Row[Any]) -> StoredRelease:
    id, parts, by, at_ms = row
    return StoredRelease(id, msgspec.json.decode(parts, type=dict[str, str]), by, at_ms)
