"""Sessions of the console in the relational store."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Row, Table, delete, insert, or_, select, update

from stores.relational.database import Database
from stores.relational.tables import METADATA, TEXT
from stores.sessions import SESSIONS_OF_CALLER_MAX, Session, Ticket

SESSION = Table(
    "console_session",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("hash", TEXT, nullable=False),
    Column("earlier_hash", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("roles", TEXT, nullable=False),
    Column("token_hash", TEXT, nullable=False),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("rotated_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Index("ix_console_session_hash", "hash", unique=True),
    Index("ix_console_session_earlier_hash", "earlier_hash"),
    Index("ix_console_session_name", "name", "began_at_ms"),
    Index("ix_console_session_expires_at_ms", "expires_at_ms"),
)
TICKET = Table(
    "sign_in_ticket",
    METADATA,
    Column("hash", TEXT, primary_key=True),
    Column("purpose", TEXT, nullable=False),
    Column("content", TEXT, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Index("ix_sign_in_ticket_expires_at_ms", "expires_at_ms"),
)


class RelationalSessions:
    """See `stores.sessions.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session) -> None:
        kept = select(SESSION.c.id).where(SESSION.c.name == session.name)
        kept = kept.order_by(SESSION.c.began_at_ms.desc(), SESSION.c.id.desc()).offset(SESSIONS_OF_CALLER_MAX)
        with self._database.writing() as connection:
            connection.execute(delete(SESSION).where(SESSION.c.expires_at_ms <= session.began_at_ms))
            connection.execute(insert(SESSION).values(_row_of(session)))
            beyond = connection.execute(kept).scalars().all()
            connection.execute(delete(SESSION).where(SESSION.c.id.in_(beyond)))

    def by_hash(self, hash: str) -> Session | None:
        if not hash:
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(SESSION).where(or_(SESSION.c.hash == hash, SESSION.c.earlier_hash == hash))).first()
        return _session(row) if row else None

    def use(self, id: str, at_ms: int) -> None:
        with self._database.writing() as connection:
            connection.execute(update(SESSION).where(SESSION.c.id == id).values(used_at_ms=at_ms))

    def rotate(self, id: str, hash: str, new_hash: str, at_ms: int) -> bool:
        own = update(SESSION).where(SESSION.c.id == id, SESSION.c.hash == hash)
        values = {"hash": new_hash, "earlier_hash": hash, "rotated_at_ms": at_ms, "used_at_ms": at_ms}
        with self._database.writing() as connection:
            return connection.execute(own.values(values), execution_options={"preserve_rowcount": True}).rowcount == 1

    def end(self, id: str) -> bool:
        with self._database.writing() as connection:
            ended = delete(SESSION).where(SESSION.c.id == id)
            return connection.execute(ended, execution_options={"preserve_rowcount": True}).rowcount == 1

    def add_ticket(self, ticket: Ticket, now_ms: int) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(TICKET).where(TICKET.c.expires_at_ms <= now_ms))
            values = {"hash": ticket.hash, "purpose": ticket.purpose, "content": ticket.content, "expires_at_ms": ticket.expires_at_ms}
            connection.execute(insert(TICKET).values(values))

    def take_ticket(self, hash: str) -> Ticket | None:
        with self._database.writing() as connection:
            row = connection.execute(delete(TICKET).where(TICKET.c.hash == hash).returning(*TICKET.c)).first()
        return Ticket(*row) if row else None


def _row_of(session: Session) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(session, name) for name in session.__struct_fields__}
    row["roles"] = " ".join(session.roles)
    return row


def _session(row: Row[Any]) -> Session:
    values = dict(row._mapping)
    return Session(**{**values, "roles": tuple(row.roles.split())})
