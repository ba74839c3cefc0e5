"""The audit log in the relational store: whoever appends holds the row of the head meanwhile, so that entries come one after the other."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, Integer, Row, Table, insert, select, update

from stores.audit import Entry, Fact, link
from stores.relational.database import Database
from stores.relational.tables import METADATA, TEXT

ENTRY = Table(
    "audit_entry",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("previous", TEXT, nullable=False),
    Column("said", TEXT, nullable=False),
    Column("hash", TEXT, nullable=False),
)
HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", TEXT, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
"""One row: number and hash of the newest entry."""
ROWS_AT_ONCE = 500


class RelationalAudit:
    """See `stores.audit.Audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, fact: Fact) -> Entry:
        """See `Audit.append`: of several processes that append at once each waits for the one before it."""
        with self._database.writing() as connection:
            number, hash = connection.execute(select(HEAD.c.number, HEAD.c.hash).with_for_update()).one()
            entry = link(number + 1, hash, fact)
            keep(connection, [entry])
        return entry

    def page(self, before: int | None, limit: int) -> list[Entry]:
        query = select(ENTRY) if before is None else select(ENTRY).where(ENTRY.c.number < before)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(query.order_by(ENTRY.c.number.desc()).limit(limit))]

    def walk(self) -> Iterator[Entry]:
        """See `Audit.walk`: in pages, so that no transaction stays open while its caller is at work."""
        number = -(1 << 62)
        query = select(ENTRY).order_by(ENTRY.c.number).limit(ROWS_AT_ONCE)
        while True:
            with self._database.reading() as connection:
                entries = [_entry(row) for row in connection.execute(query.where(ENTRY.c.number > number))]
            if not entries:
                return
            yield from entries
            number = entries[-1].number


def keep(connection: Connection, entries: list[Entry]) -> None:
    """Adds `entries`, the last of which is the head from then on."""
    connection.execute(insert(ENTRY), [_row(entry) for entry in entries])
    connection.execute(update(HEAD).values(number=entries[-1].number, hash=entries[-1].hash))


def _row(entry: Entry) -> dict[str, object]:
    return {"number": entry.number, "previous": entry.previous, "said": entry.said, "hash": entry.hash}


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.number, row.previous, row.said, row.hash)
