"""Brings the tables of a database to the version of this program: by whoever opens it first, once."""

import contextlib
import importlib.resources
import pathlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from foundation.refusal import Refusal
from stores.opened_later import NoAnswerError
from stores.relational import newest_schema
from stores.relational.tables import METADATA

if TYPE_CHECKING:
    from stores.relational.place import DatabasePlace

MIGRATION_SECONDS_MAX = 600.0
LOCK = 0x57454952
"""The number of the lock that PostgreSQL gives to one migrating process at a time."""
_VERSIONS = pathlib.Path(str(importlib.resources.files("stores.relational") / "migrations"))
NEWEST = max(path.stem.removeprefix("v")[:4] for path in _VERSIONS.glob("v*.py"))
"""Of the tables, as this program knows them. Versions are numbers of four digits, so that they compare as texts."""
OLDER = ("no database", "database of an older version")
"""How refusals begin that end when the system is started."""
_VERSION_TABLE = "alembic_version"
_ONE_MIGRATES = threading.Lock()
"""Alembic keeps what it works on in variables of its module."""


def migrate(engine: Engine, place: "DatabasePlace") -> None:
    """Makes the tables or brings them to `NEWEST`; costs two queries where they are there already.

    Raises:
        NoAnswerError: the database does not answer.
        Refusal: its tables are newer than `NEWEST`, or it is no database.
    """
    with _naming(place):
        with engine.begin() as connection:
            if _version(connection, place) == NEWEST:
                return
        with _ONE_MIGRATES, engine.execution_options(writes=True).begin() as connection, _waiting_longer(connection):
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            found = _version(connection, place)
            if found != NEWEST:  # another process may have done it meanwhile
                _upgrade(connection, found)


def require_migrated(engine: Engine, place: "DatabasePlace") -> None:
    """Refuses a database whose tables are not of version `NEWEST`.

    Raises:
        NoAnswerError: the database does not answer.
        Refusal: its tables are missing, or of another version.
    """
    if not place.exists:
        raise Refusal(OLDER[0], where=place.where, expected="the database of a system that was started", got="no such file")
    with _naming(place), engine.begin() as connection:
        version = _version(connection, place)
    if version != NEWEST:
        got = f"version {version}" if version else "no tables"
        raise Refusal(OLDER[1], where=place.where, expected=f"tables of version {NEWEST}", got=got, remedy="start it")


def _version(connection: Connection, place: "DatabasePlace") -> str:
    """The version of the tables; empty where there are none.

    Raises:
        Refusal: they are newer.
    """
    if not inspect(connection).has_table(_VERSION_TABLE):
        return ""
    found = str(connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar() or "")  # noqa: S608 - a constant
    if found > NEWEST:
        raise Refusal(
            "database of a newer version",
            where=place.where,
            expected=f"tables of version {NEWEST} at most",
            got=found,
            remedy="upgrade this program",
        )
    return found


def _upgrade(connection: Connection, found: str) -> None:
    """Brings the tables from the version `found` to the newest, in the transaction of `connection`."""
    is_new = not found and connection.dialect.name == "sqlite" and not inspect(connection).get_table_names()
    if is_new and newest_schema.version() == NEWEST:
        newest_schema.make_tables(connection)
    else:
        run_migrations(connection)


def run_migrations(connection: Connection) -> None:
    """Runs each script behind the version that is there, in the transaction of `connection`."""
    # Imported where it is needed, which is once in the life of a version: it takes as long as a start of the command.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_VERSIONS).replace("%", "%%"))
    config.set_main_option("version_locations", str(_VERSIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    scripts = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, scripts, fn=lambda found, _: scripts._upgrade_revs("head", found), destination_rev="head") as context:
        context.configure(connection=connection, target_metadata=METADATA)
        context.run_migrations()


def _waiting_longer(connection: Connection) -> contextlib.AbstractContextManager[None]:
    """Meanwhile a statement may take `MIGRATION_SECONDS_MAX`; SQLite has no bound that would have to be raised."""
    if connection.dialect.name != "postgresql":
        return contextlib.nullcontext()
    from stores.relational.postgresql_engine import waiting_longer  # its driver is loaded only where it is needed

    return waiting_longer(connection, MIGRATION_SECONDS_MAX)


@contextlib.contextmanager
def _naming(place: "DatabasePlace") -> Iterator[None]:
    """Says of which database an error of the driver is."""
    try:
        yield
    except DBAPIError as error:
        if "file is not a database" in str(error.orig):
            raise Refusal("not a store", where=place.where, expected="a SQLite database", got=str(error.orig)) from error
        raise NoAnswerError(f"no answer from {place.kind}", where=place.where, expected="a database", got=str(error.orig)) from error
