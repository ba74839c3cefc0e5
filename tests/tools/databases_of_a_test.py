"""The relational store of a test: in a file, or in a database of its own on the server of this run. For tests only."""

import contextlib
import functools
import pathlib
import tempfile
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection

from stores.decisions import StoreUnavailableError
from stores.relational.database import Database
from stores.relational.place import FILE, DatabasePlace, SqlitePlace


@functools.cache
def empty_database() -> bytes:
    """A file as the migrations leave it: they take 100 ms of CPU, longer than most tests of a store."""
    with tempfile.TemporaryDirectory() as folder:
        Database(SqlitePlace(pathlib.Path(folder, FILE))).close()
        return pathlib.Path(folder, FILE).read_bytes()


def file_in(folder: pathlib.Path) -> SqlitePlace:
    """The store in `folder`, which gets its tables now if it is not there yet."""
    file = folder / FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(empty_database())
    return SqlitePlace(file)


def database_in(folder: pathlib.Path) -> Database:
    """A store in `folder`; each call opens it as another process would."""
    return Database(file_in(folder))


def in_sqlite(request: pytest.FixtureRequest) -> DatabasePlace:
    """A file with tables, and nothing in them."""
    return file_in(request.getfixturevalue("tmp_path"))


def in_postgresql(request: pytest.FixtureRequest) -> DatabasePlace:
    """A database with tables, and nothing in them."""
    place: DatabasePlace = request.getfixturevalue("postgresql").place()
    return place


Places = dict[str, Callable[[pytest.FixtureRequest], DatabasePlace]]

PLACES: Places = {"sqlite": in_sqlite, "postgresql": in_postgresql}
"""What every store in the relational database is tested on."""

BARE_PLACES: Places = {
    "sqlite": lambda request: SqlitePlace(request.getfixturevalue("tmp_path") / FILE),
    "postgresql": lambda request: request.getfixturevalue("postgresql").bare_place(),
}
"""The same without tables, and the file is not there yet."""


class FickleDatabase(Database):
    """A store that is `away`, or stands still until `goes_on` is set, when the test says so."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(file_in(folder))
        self.away = False
        self.goes_on = threading.Event()
        self.goes_on.set()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        self._do_as_told()
        with super().reading() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        self._do_as_told()
        with super().writing() as connection:
            yield connection

    def _do_as_told(self) -> None:
        self.goes_on.wait(5)
        if self.away:
            raise StoreUnavailableError("the test says so")
