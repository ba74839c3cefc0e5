"""Snoozes in the relational store."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, func, insert, select, update

from stores.casework.snoozes import ACTIVE_MAX, Snooze, TooManySnoozesError
from stores.relational.database import Database, lock_out_writers
from stores.relational.effect_tables import SNOOZE


class RelationalSnoozes:
    """See `stores.casework.snoozes.Snoozes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, snooze: Snooze) -> None:
        own = (SNOOZE.c.pattern == snooze.pattern) & _holds_at(snooze.from_ms)
        row = msgspec.structs.asdict(snooze) | {"fields": msgspec.json.encode(dict(snooze.fields)).decode()}
        row["made_by"] = row.pop("by")
        with self._database.writing() as connection:
            lock_out_writers(connection, SNOOZE)
            if connection.execute(select(func.count()).select_from(SNOOZE).where(own)).scalar_one() >= ACTIVE_MAX:
                raise TooManySnoozesError(f"{ACTIVE_MAX} snoozes of the rule {snooze.pattern} hold already")
            connection.execute(insert(SNOOZE).values(row))

    def of(self, pattern: str, limit: int) -> list[Snooze]:
        query = select(SNOOZE).where(SNOOZE.c.pattern == pattern).order_by(SNOOZE.c.from_ms.desc(), SNOOZE.c.id).limit(limit)
        with self._database.reading() as connection:
            return [_snooze(row) for row in connection.execute(query)]

    def holding(self, at_ms: int) -> list[Snooze]:
        query = select(SNOOZE).where(_holds_at(at_ms)).order_by(SNOOZE.c.from_ms, SNOOZE.c.id)
        with self._database.reading() as connection:
            return [_snooze(row) for row in connection.execute(query)]

    def lift(self, pattern: str, id: str, by: str, at_ms: int) -> Snooze | None:
        own = (SNOOZE.c.pattern == pattern) & (SNOOZE.c.id == id)
        with self._database.writing() as connection:
            connection.execute(update(SNOOZE).where(own, _holds_at(at_ms)).values(lifted_by=by, lifted_at_ms=at_ms))
            row = connection.execute(select(SNOOZE).where(own)).first()
        return None if row is None else _snooze(row)


def _holds_at(at_ms: int) -> ColumnElement[bool]:
    return (SNOOZE.c.from_ms <= at_ms) & (SNOOZE.c.until_ms > at_ms) & SNOOZE.c.lifted_at_ms.is_(None)


def _snooze(row: Row[Any]) -> Snooze:
    fields = msgspec.json.decode(row.fields, type=dict[str, str])
    own = (row.comment, row.made_by, row.from_ms, row.until_ms, row.lifted_by, row.lifted_at_ms)
    return Snooze(row.id, row.pattern, fields, *own)
