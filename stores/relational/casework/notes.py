"""Notes on entities in the relational store."""

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Index, Table, delete, func, insert, select

from stores.casework.notes import NOTES_MAX, Note, TooManyNotesError
from stores.relational.database import Database, in_parts, lock_out_writers
from stores.relational.tables import METADATA, TEXT

NOTE = Table(
    "note",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("entity", TEXT, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("written_by", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_note_entity", "kind", "entity", "id"),
    Index("ix_note_at_ms", "at_ms"),
)


class RelationalNotes:
    """See `stores.casework.notes.Notes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, note: Note) -> None:
        row = msgspec.structs.asdict(note)
        row["written_by"] = row.pop("by")
        with self._database.writing() as connection:
            lock_out_writers(connection, NOTE)
            if connection.execute(select(func.count()).where(_of(note.kind, note.entity))).scalar_one() >= NOTES_MAX:
                raise TooManyNotesError(f"{note.kind} {note.entity[:80]} has {NOTES_MAX} notes already")
            connection.execute(insert(NOTE).values(row))

    def page(self, kind: str, entity: str, before: str | None, limit: int) -> list[Note]:
        query = select(NOTE).where(_of(kind, entity))
        if before is not None:
            query = query.where(NOTE.c.id < before)
        with self._database.reading() as connection:
            return [Note(*row) for row in connection.execute(query.order_by(NOTE.c.id.desc()).limit(limit))]

    def get(self, kind: str, entity: str, id: str) -> Note | None:
        with self._database.reading() as connection:
            row = connection.execute(select(NOTE).where(_of(kind, entity), NOTE.c.id == id)).first()
        return None if row is None else Note(*row)

    def remove(self, kind: str, entity: str, id: str) -> bool:
        own = delete(NOTE).where(_of(kind, entity), NOTE.c.id == id)
        with self._database.writing() as connection:
            return connection.execute(own, execution_options={"preserve_rowcount": True}).rowcount == 1

    def forget(self, before_ms: int, limit: int) -> int:
        old = select(NOTE.c.id).where(NOTE.c.at_ms < before_ms).order_by(NOTE.c.at_ms).limit(limit)
        with self._database.writing() as connection:
            ids = connection.execute(old).scalars().all()
            for part in in_parts(ids):
                connection.execute(delete(NOTE).where(NOTE.c.id.in_(part)))
        return len(ids)


def _of(kind: str, entity: str) -> ColumnElement[bool]:
    return (NOTE.c.kind == kind) & (NOTE.c.entity == entity)
