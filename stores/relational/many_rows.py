"""Gives many rows to one statement of the driver's.

SQLAlchemy takes each row apart by column and type at each call, which costs more than SQLite takes to write it. Here a statement is put
into the words of the database once, and rows go to the driver as they are: texts, numbers, bytes and None, which both drivers take.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Dialect, Insert, Table, Update
from sqlalchemy.dialects import postgresql, sqlite

from stores.relational.database import insertion

Row = Mapping[str, object]
STATEMENTS_KEPT = 256


class _Words(NamedTuple):
    """Is a statement in the words of a database, and what makes of a row what the driver takes."""

    text: str
    bound: Callable[[Row], Any]


def put_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Writes rows, which all have the same columns, in the place of those that have their keys."""
    if rows:
        give_rows(connection, _putting(connection.dialect, table, tuple(rows[0])), rows)


def put_missing_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Writes rows, which all have the same columns, but for those whose keys are there."""
    if rows:
        give_rows(connection, _putting(connection.dialect, table, ()), rows)


def give_rows(connection: Connection, statement: Insert | Update | Delete, rows: Sequence[Row]) -> None:
    """Runs a statement once for each row, whose values it takes by name.

    Args:
        statement: an object that lasts, because it is put into words once.
        rows: they all have the same names.
    """
    if rows:
        words = _words(statement, tuple(rows[0]), connection.dialect)
        connection.exec_driver_sql(words.text, [words.bound(row) for row in rows])


@functools.lru_cache(maxsize=STATEMENTS_KEPT)
def _putting(dialect: Dialect, table: Table, names: tuple[str, ...]) -> Insert:
    """An insertion that replaces what it has `names` of, or nothing."""
    statement: sqlite.Insert | postgresql.Insert = insertion(dialect, table)
    keys = [column.name for column in table.primary_key]
    others = {name: statement.excluded[name] for name in names if name not in keys}
    if not others:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


@functools.lru_cache(maxsize=STATEMENTS_KEPT)
def _words(statement: Insert | Update | Delete, names: tuple[str, ...], dialect: Dialect) -> _Words:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names), for_executemany=True)
    constants = {name: value for name, value in compiled.params.items() if name not in names}
    if not compiled.positional:
        return _Words(str(compiled), lambda row: {**constants, **row})
    order = compiled.positiontup
    if not constants:
        return _Words(str(compiled), lambda row: tuple([row[name] for name in order]))
    return _Words(str(compiled), lambda row: tuple([constants[name] if name in constants else row[name] for name in order]))
