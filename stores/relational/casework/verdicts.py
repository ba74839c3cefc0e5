"""Verdicts in the relational store."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Row,
    Table,
    TextClause,
    and_,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from stores.casework.verdicts import Verdict
from stores.relational.casework.case_tables import CASE
from stores.relational.database import Database
from stores.relational.tables import METADATA, TEXT

_WAITS = text("carried_out_ms IS NULL AND undone_ms IS NULL")
VERDICT = Table(
    "verdict",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("case_id", TEXT, nullable=False),
    Column("user", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("entity_kind", TEXT, nullable=False),
    Column("entity_id", TEXT, nullable=False),
    Column("verdict", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("inputs", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("effective_at_ms", BigInteger, nullable=False),
    Column("undone_ms", BigInteger),
    Column("carried_out_ms", BigInteger),
    Column("final_ms", BigInteger),
    Index("ix_verdict_case_id", "case_id", "id"),
    Index("ix_verdict_entity_kind", "entity_kind", "entity_id", "id"),
    Index("ix_verdict_effective_at_ms", "effective_at_ms", "id", sqlite_where=_WAITS, postgresql_where=_WAITS),
)
_decode_inputs = msgspec.json.Decoder(dict[str, str | float | bool]).decode


class RelationalVerdicts:
    """See `stores.casework.verdicts.Verdicts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verdicts_of(self, case_id: str, after: str = "", limit: int = 500) -> Sequence[Verdict]:
        own = select(VERDICT).where(VERDICT.c.case_id == case_id, VERDICT.c.id > after).order_by(VERDICT.c.id).limit(limit)
        with self._database.reading() as connection:
            return [_verdict(row) for row in connection.execute(own)]

    def on_entity(self, kind: str, id: str, limit: int) -> Sequence[Verdict]:
        standing = (VERDICT.c.entity_kind == kind) & (VERDICT.c.entity_id == id) & VERDICT.c.undone_ms.is_(None)
        with self._database.reading() as connection:
            rows = connection.execute(select(VERDICT).where(standing).order_by(VERDICT.c.id.desc()).limit(limit))
            return [_verdict(row) for row in rows]

    def all(self, hidden: Sequence[str], after: str, limit: int) -> Sequence[Verdict]:
        query = select(VERDICT).where(VERDICT.c.id > after)
        if hidden:
            query = query.where(~exists().where(CASE.c.id == VERDICT.c.case_id, CASE.c.inbox.in_(hidden)))
        with self._database.reading() as connection:
            return [_verdict(row) for row in connection.execute(query.order_by(VERDICT.c.id).limit(limit))]

    def get(self, id: str) -> Verdict | None:
        with self._database.reading() as connection:
            row = connection.execute(select(VERDICT).where(VERDICT.c.id == id)).first()
        return _verdict(row) if row else None

    def uncarried(self, now_ms: int, at_most: int) -> Sequence[Verdict]:
        due = select(VERDICT).where(_WAITS, VERDICT.c.effective_at_ms <= now_ms).order_by(VERDICT.c.effective_at_ms, VERDICT.c.id)
        with self._database.reading() as connection:
            return [_verdict(row) for row in connection.execute(due.limit(at_most))]

    def make_final(self, id: str, now_ms: int) -> bool:
        with self._database.writing() as connection:
            return _set(connection, id, VERDICT.c.undone_ms.is_(None), final_ms=func.coalesce(VERDICT.c.final_ms, now_ms))

    def mark_carried_out(self, id: str, now_ms: int) -> bool:
        with self._database.writing() as connection:
            return _set(connection, id, _WAITS, carried_out_ms=now_ms)


def add_verdicts(connection: Connection, verdicts: Sequence[Verdict]) -> None:
    """Adds verdicts in the transaction of `connection`."""
    if verdicts:
        connection.execute(insert(VERDICT), [_row_of(verdict) for verdict in verdicts])


def undo_verdict(connection: Connection, id: str, now_ms: int) -> bool:
    """Takes a verdict back in the transaction of `connection`; returns false for one that was undone before, or that is final."""
    return _set(connection, id, and_(_WAITS, VERDICT.c.final_ms.is_(None)), undone_ms=now_ms)


def standing_verdicts(connection: Connection, case_id: str) -> list[Verdict]:
    """Returns all verdicts of a case that were not undone, the oldest first."""
    own = select(VERDICT).where(VERDICT.c.case_id == case_id, VERDICT.c.undone_ms.is_(None)).order_by(VERDICT.c.id)
    return [_verdict(row) for row in connection.execute(own)]


def _set(connection: Connection, id: str, which: ColumnElement[bool] | TextClause, **values: object) -> bool:
    own = update(VERDICT).where(VERDICT.c.id == id, which).values(**values)
    return connection.execute(own, execution_options={"preserve_rowcount": True}).rowcount == 1


def _row_of(verdict: Verdict) -> Mapping[str, object]:
    return msgspec.structs.asdict(verdict) | {"inputs": msgspec.json.encode(verdict.inputs).decode()}


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(**(dict(row._mapping) | {"inputs": _decode_inputs(row.inputs)}))
