"""Puts many rows into a table of SQLite, or reads those of many keys, by few calls.

The driver lets go of Python's interpreter lock for each row of `executemany`, and has to get it back. Where other threads want the lock,
as those that decide, that takes five times as long for it, and holds them up as often.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

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


def rows_of(connection: sqlite3.Connection, select: str, keys: Sequence[object]) -> Iterator[Any]:
    """Reads the rows of all keys, in any order.

    Args:
        select: a statement up to the column that is compared, such as ``SELECT key, value FROM t WHERE key``.
        keys: each once.
    """
    for first in range(0, len(keys), ROWS_AT_ONCE):
        part = list(keys[first : first + ROWS_AT_ONCE])
        size = 1 << (len(part) - 1).bit_length()  # few sizes, so that the driver knows the statement from before
        yield from connection.execute(f"{select} IN ({', '.join('?' * size)})", part + [part[-1]] * (size - len(part))).fetchall()
