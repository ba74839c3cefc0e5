"""Puts many rows into a table of SQLite by few calls.

The driver lets go of Python's interpreter lock for each row of `executemany`, and has to get it back. Where other threads want the lock,
as those that decide, that takes five times as long for it, and holds them up as often.
"""

import sqlite3
from collections.abc import Iterable
from itertools import chain, islice

ROWS_AT_ONCE = 64


def put_rows(connection: sqlite3.Connection, into: str, rows: Iterable[tuple[object, ...]], columns: int, otherwise: str = "") -> None:
    """Puts all rows, in their order.

    Args:
        into: how a statement begins, such as ``INSERT INTO t``.
        rows: each of `columns` values.
        otherwise: how it ends, such as ``ON CONFLICT DO NOTHING``.
    """
    one = f"({', '.join('?' * columns)})"
    many = f"{into} VALUES {', '.join([one] * ROWS_AT_ONCE)} {otherwise}"
    left = iter(rows)
    while part := list(islice(left, ROWS_AT_ONCE)):
        if len(part) == ROWS_AT_ONCE:
            connection.execute(many, list(chain.from_iterable(part)))
        else:
            connection.executemany(f"{into} VALUES {one} {otherwise}", part)
