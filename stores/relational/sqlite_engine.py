"""Connections to a SQLite file, whose transactions begin where they are said to begin."""

import pathlib
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

BUSY_SECONDS_MAX = 30.0
CONNECTIONS = 4
CONNECTIONS_MAX = 16


def make_sqlite_engine(path: pathlib.Path) -> Engine:
    """Connections to the file at `path`, which is made with its folder at the first use.

    Python's own driver begins transactions by itself, at the first statement that writes: two processes that have read the same row
    would then both want to write. So the driver is told to begin none, and each begins with a statement of its own, which in a
    transaction that writes locks the file.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS_MAX, "check_same_thread": False},
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS,
        pool_timeout=BUSY_SECONDS_MAX,
    )
    event.listen(engine, "do_connect", lambda *_: path.parent.mkdir(parents=True, exist_ok=True))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: object) -> None:
    connection.isolation_level = None
    # What a change was answered with must outlive a power cut: a token that was revoked stays so, and ids of releases grow for ever.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
