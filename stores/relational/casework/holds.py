"""Holds in the relational store."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, delete, func, select, tuple_, update

from stores.casework.holds import Hold, HoldChange, HoldState
from stores.relational.casework.deliveries import add_messages
from stores.relational.database import Database, in_parts, insert_unless_there
from stores.relational.tables import METADATA, TEXT

HOLD = Table(
    "hold",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("event", TEXT, nullable=False),
    Column("user", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("event_time_ms", BigInteger, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("held_at_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("then", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("ended_by", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_hold_event", "event", "revision"),
    Index("ix_hold_state", "state", "until_ms"),
    Index("ix_hold_held_at_ms", "held_at_ms", "id"),
    Index("ix_hold_user", "user", "held_at_ms", "id"),
    Index("ix_hold_ended_at_ms", "ended_at_ms"),
)


class RelationalHolds:
    """See `stores.casework.holds.Holds`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, id: str) -> Hold | None:
        with self._database.reading() as connection:
            row = connection.execute(select(HOLD).where(HOLD.c.id == id)).first()
        return None if row is None else Hold(*row)

    def of_events(self, events: Iterable[str]) -> dict[str, Hold]:
        found: dict[str, Hold] = {}
        with self._database.reading() as connection:
            for part in in_parts(list(dict.fromkeys(events))):
                rows = connection.execute(select(HOLD).where(HOLD.c.event.in_(part)).order_by(HOLD.c.revision))
                found.update((row.event, Hold(*row)) for row in rows)
        return found

    def change(self, changes: Sequence[HoldChange]) -> list[str]:
        with self._database.writing() as connection:
            return write_holds(connection, changes)

    def due(self, now_ms: int, limit: int) -> list[Hold]:
        over = select(HOLD).where(HOLD.c.state == "held", HOLD.c.until_ms <= now_ms).order_by(HOLD.c.until_ms, HOLD.c.id).limit(limit)
        with self._database.reading() as connection:
            return [Hold(*row) for row in connection.execute(over)]

    def next_due_ms(self) -> int | None:
        with self._database.reading() as connection:
            found: int | None = connection.execute(select(func.min(HOLD.c.until_ms)).where(HOLD.c.state == "held")).scalar()
        return found

    def page(self, states: Sequence[HoldState], user: str | None, before: tuple[int, str] | None, limit: int) -> list[Hold]:
        query = select(HOLD)
        if states:
            query = query.where(HOLD.c.state.in_(states))
        if user is not None:
            query = query.where(HOLD.c.user == user)
        if before is not None:
            query = query.where(tuple_(HOLD.c.held_at_ms, HOLD.c.id) < before)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(HOLD.c.held_at_ms.desc(), HOLD.c.id.desc()).limit(limit))
            return [Hold(*row) for row in rows]

    def forget(self, before_ms: int, limit: int) -> int:
        old = select(HOLD.c.id).where(HOLD.c.ended_at_ms < before_ms).order_by(HOLD.c.ended_at_ms).limit(limit)
        with self._database.writing() as connection:
            ids = connection.execute(old).scalars().all()
            for part in in_parts(ids):
                connection.execute(delete(HOLD).where(HOLD.c.id.in_(part)))
        return len(ids)


def write_holds(connection: Connection, changes: Sequence[HoldChange]) -> list[str]:
    """Writes holds in the transaction of what changes them; see `stores.casework.holds.Holds.change`."""
    written: list[str] = []
    told = []
    for change in changes:
        if not _write(connection, change.hold):
            continue
        written.append(change.hold.id)
        if change.message is not None:
            told.append((change.message, change.receivers))
    if told:
        add_messages(connection, told)
    return written


def _write(connection: Connection, hold: Hold) -> bool:
    row: dict[str, Any] = msgspec.structs.asdict(hold)
    row["ended_by"] = row.pop("by")
    if hold.version == 1:
        return insert_unless_there(connection, HOLD, **row)
    before = update(HOLD).where(HOLD.c.id == hold.id, HOLD.c.version == hold.version - 1).values(row)
    return connection.execute(before, execution_options={"preserve_rowcount": True}).rowcount == 1
