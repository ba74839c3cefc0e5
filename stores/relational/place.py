"""Where the relational store is: a SQLite file, or a PostgreSQL server by its URL."""

import pathlib
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from sqlalchemy import Engine

from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.relational.sqlite_engine import make_sqlite_engine

FILE = "weir.db"
URL_SETTING = "WEIR_DATABASE_URL"
SCHEMES = ("postgresql://", "postgres://")


class DatabasePlace(Protocol):
    """Where a database is, and how it is connected to."""

    @property
    def kind(self) -> str:
        """What it is, for messages."""

    @property
    def where(self) -> str:
        """Its file or address, for messages; without a password."""

    @property
    def exists(self) -> bool:
        """False where there is certainly nothing to read."""

    @property
    def reads(self) -> Mapping[str, Any]:
        """The options of connections that only read."""

    def engine(self) -> Engine:
        """Connections to it, none of which is open yet."""


class SqlitePlace(msgspec.Struct, frozen=True):
    """A file of this machine."""

    path: pathlib.Path
    kind: str = "SQLite"

    @property
    def where(self) -> str:
        return str(self.path)

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def reads(self) -> Mapping[str, Any]:
        return {}

    def engine(self) -> Engine:
        return make_sqlite_engine(self.path)


class PostgresqlPlace(msgspec.Struct, frozen=True):
    """A database of a server, by its URL as PostgreSQL's own programs take it."""

    url: str
    kind: str = "PostgreSQL"

    @property
    def where(self) -> str:
        return _without_password(self.url)

    @property
    def exists(self) -> bool:
        return True

    @property
    def reads(self) -> Mapping[str, Any]:
        # Each statement sees what is committed when it begins, within a transaction or not: to ask for none saves two round trips a read.
        return {"isolation_level": "AUTOCOMMIT"}

    def engine(self) -> Engine:
        from stores.relational.postgresql_engine import make_postgresql_engine  # its driver is loaded only where it is needed

        return make_postgresql_engine(self.url)


def place_of(settings: Settings) -> SqlitePlace | PostgresqlPlace:
    """Where `settings` say that the relational store is.

    Raises:
        Refusal: the file that should hold the URL cannot be read, or it is no URL of PostgreSQL.
    """
    url = settings.database_url or _content_of(settings.database_url_file)
    if not url:
        return SqlitePlace(settings.path(FILE))
    if not url.startswith(SCHEMES):
        expected = "postgresql://user:password@host:port/database"
        raise Refusal("bad database URL", where=URL_SETTING, expected=expected, got="another scheme, or none")
    _without_password(url)
    return PostgresqlPlace(url)


def _content_of(file: str) -> str:
    if not file:
        return ""
    try:
        content = pathlib.Path(file).read_text().strip()
    except OSError as error:
        raise Refusal("no database URL", where=file, expected="a file that holds it", got=str(error.strerror)) from error
    if not content:
        raise Refusal("no database URL", where=file, expected="a file that holds it", got="an empty file")
    return content


def _without_password(url: str) -> str:
    from stores.relational.postgresql_engine import without_password  # its driver is loaded only where it is needed

    return without_password(url)
