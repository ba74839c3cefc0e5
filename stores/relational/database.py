"""The relational store: one database for all that people own, used in short transactions by any number of threads and processes."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError

from stores.decisions import StoreUnavailableError
from stores.opened_later import OpenedLater
from stores.relational.migrating import migrate, require_migrated
from stores.relational.place import DatabasePlace

log = logging.getLogger(__name__)

HELD_S_MAX = 5.0
"""A transaction that lasts longer is told of in the log: in SQLite all others who write have waited for it."""
WRITES = {"writes": True}
"""The option of a connection whose transactions write, by which SQLite locks the file at their beginning."""
ASKED_AT_ONCE = 500
"""One statement asks for so many values, or writes so many rows, at most."""
Part = TypeVar("Part")
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Database:
    """A database with its tables. Each call waits for it, so that the event loop calls from a thread. Safe for threads.

    Args:
        place: where it is.
        owner: brings the tables to their version, or makes them; others refuse a database whose tables are older or missing.
        patient: while it does not answer it is opened all the same, and looked for once a second.

    Raises:
        Refusal: it does not answer and `patient` is false, its tables are newer than this program, or it is no database.
    """

    def __init__(self, place: DatabasePlace, owner: bool = True, patient: bool = False) -> None:
        self.place = place
        self._prepare = migrate if owner else require_migrated
        self._opened = OpenedLater(self._open, lambda engine: engine.dispose(), patient)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """What only reads. In SQLite its statements see one state of the database, in PostgreSQL each what is committed when it begins.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        with self._naming_the_store(), self._opened.get().execution_options(**self.place.reads).begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is on disk when the block ends, or undone when the block raises.

        In SQLite it excludes all other writers from its beginning; in PostgreSQL what must not happen twice asks for a lock itself,
        see `lock_out_writers`.

        Raises:
            StoreUnavailableError: the database does not answer; when that happened at the end, the transaction may be on disk.
        """
        with self._naming_the_store(), self._opened.get().execution_options(**WRITES).begin() as connection, _watched():
            yield connection

    def close(self) -> None:
        """Lets the database go; later calls are refused as unavailable."""
        self._opened.close()

    def _open(self) -> Engine:
        engine = self.place.engine()
        try:
            self._prepare(engine, self.place)
        except BaseException:
            engine.dispose()
            raise
        return engine

    @contextlib.contextmanager
    def _naming_the_store(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except NoFreeConnectionError as error:
            raise StoreUnavailableError(f"{self.place.kind}: all connections are in use") from error
        except DBAPIError as error:  # without the statement's values, which may be secrets
            raise StoreUnavailableError(f"{self.place.kind}: {error.orig}") from error


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    began_s = time.monotonic()
    try:
        yield
    finally:
        if (held_s := time.monotonic() - began_s) > HELD_S_MAX:
            log.warning("a transaction that writes lasted %.1f s, and others may have waited for it", held_s, stack_info=True)


def lock_out_writers(connection: Connection, table: Table) -> None:
    """Until the transaction ends nobody else writes to `table`; those who read go on. In SQLite that is so in any writing transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def insert_into(connection: Connection, table: Table) -> Any:
    """An insertion that may say what happens on a conflict, in the words of the database (SQLAlchemy's ``insert`` of its dialect)."""
    return insertion(connection.dialect, table)


def insertion(dialect: Dialect, table: Table) -> Any:
    """The same, where there is no connection."""
    return _INSERTS[dialect.name](table)


def in_parts(values: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Cuts `values` into parts that one statement may ask for or write, `ASKED_AT_ONCE` at most each."""
    return (values[first : first + ASKED_AT_ONCE] for first in range(0, len(values), ASKED_AT_ONCE))


def insert_unless_there(connection: Connection, table: Table, **values: Any) -> bool:
    """Adds a row, unless one is there that has its key or another value which only one row may have; whether it was added."""
    statement = insert_into(connection, table).values(values).on_conflict_do_nothing()
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1
