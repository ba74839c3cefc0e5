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


def database_in(folder: pathlib.Path) -> Database:
    """A store in `folder`; each call opens it as another process would."""
    return Database(SqlitePlace(folder / FILE))


def in_sqlite(request: pytest.FixtureRequest) -> DatabasePlace:
    """A file that is not there yet."""
    return SqlitePlace(request.getfixturevalue("tmp_path") / FILE)


def in_postgresql(request: pytest.FixtureRequest) -> DatabasePlace:
    """A database without tables."""
    place: DatabasePlace = request.getfixturevalue("postgresql").place()
    return place


PLACES: dict[str, Callable[[pytest.FixtureRequest], DatabasePlace]] = {"sqlite": in_sqlite, "postgresql": in_postgresql}
"""What every store in the relational database is tested on."""


@functools.cache
def empty_database() -> bytes:
    """A file as the migrations leave it: to run them for each test of the API would take a third of what the application takes."""
    with tempfile.TemporaryDirectory() as folder:
        database_in(pathlib.Path(folder)).close()
        return pathlib.Path(folder, FILE).read_bytes()


class FickleDatabase(Database):
    """A store that is `away`, or stands still until `goes_on` is set, when the test says so."""

    def __init__(self, folder: pathlib.Path) -> None:
        if not (folder / FILE).exists():
            (folder / FILE).write_bytes(empty_database())
        super().__init__(SqlitePlace(folder / FILE))
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
