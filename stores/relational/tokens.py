"""API tokens in the relational store."""

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Row, Table, UniqueConstraint, delete, insert, select, update

from stores.relational.database import Database, insert_unless_there, lock_out_writers
from stores.relational.tables import METADATA, TEXT
from stores.tokens import StoredToken, taken

API_TOKEN = Table(
    "api_token",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("hash", TEXT, nullable=False),
    Column("roles", TEXT, nullable=False),
    Column("made_by", TEXT, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger),
    Column("revoked_at_ms", BigInteger),
    UniqueConstraint("hash"),
)


class RelationalTokens:
    """See `stores.tokens.Tokens`. Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: StoredToken) -> bool:
        with self._database.writing() as connection:
            return insert_unless_there(connection, API_TOKEN, **row_of(token))

    def replace(self, token: StoredToken) -> None:
        with self._database.writing() as connection:
            lock_out_writers(connection, API_TOKEN)
            other = _one(connection, API_TOKEN.c.hash == token.hash)
            if other is not None and other.name != token.name:
                raise taken(token.name, other.name)
            connection.execute(delete(API_TOKEN).where(API_TOKEN.c.name == token.name))
            connection.execute(insert(API_TOKEN).values(row_of(token)))

    def by_hash(self, hash: str) -> StoredToken | None:
        with self._database.reading() as connection:
            return _one(connection, API_TOKEN.c.hash == hash)

    def by_name(self, name: str) -> StoredToken | None:
        with self._database.reading() as connection:
            return _one(connection, API_TOKEN.c.name == name)

    def all(self) -> list[StoredToken]:
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(select(API_TOKEN).order_by(API_TOKEN.c.name))]

    def revoke(self, name: str, at_ms: int) -> StoredToken | None:
        counts = (API_TOKEN.c.name == name) & API_TOKEN.c.revoked_at_ms.is_(None)
        with self._database.writing() as connection:
            connection.execute(update(API_TOKEN).where(counts).values(revoked_at_ms=at_ms))
            return _one(connection, API_TOKEN.c.name == name)


def row_of(token: StoredToken) -> dict[str, object]:
    """The columns of a token's row."""
    return {
        "name": token.name,
        "hash": token.hash,
        "roles": " ".join(token.roles),
        "made_by": token.by,
        "made_at_ms": token.made_at_ms,
        "expires_at_ms": token.expires_at_ms,
        "revoked_at_ms": token.revoked_at_ms,
    }


def _one(connection: Connection, condition: ColumnElement[bool]) -> StoredToken | None:
    row = connection.execute(select(API_TOKEN).where(condition)).first()
    return _token(row) if row else None


def _token(row: Row[Any]) -> StoredToken:
    return StoredToken(row.name, row.hash, tuple(row.roles.split()), row.made_by, row.made_at_ms, row.expires_at_ms, row.revoked_at_ms)
