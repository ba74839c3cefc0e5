"""``python -m stores.relational.newest_schema`` writes what all migrations together make of an empty SQLite file, for files that are new.

A new file is made by these statements in some milliseconds, and is the same as by all migrations one after the other, which take half a
second and a library that nothing else needs.
"""

import contextlib
import pathlib
import sqlite3
import tempfile

from sqlalchemy import Connection

SCRIPT = pathlib.Path(__file__).with_name("newest_schema.sql")
_VERSION = "-- version "


def version() -> str:
    """The version of the tables that the script makes."""
    with SCRIPT.open() as script:
        return script.readline().removeprefix(_VERSION).strip()


def make_tables(connection: Connection) -> None:
    """Makes the tables in an empty SQLite database, in the transaction of `connection`."""
    for statement in SCRIPT.read_text().split(";\n")[:-1]:
        connection.exec_driver_sql(statement)


def script_of(path: pathlib.Path, version: str) -> str:
    """Returns the script that makes what stands in the SQLite file `path`."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        statements = [each for each in connection.iterdump() if not each.startswith(("BEGIN", "COMMIT"))]
    return f"{_VERSION}{version}\n" + "".join(f"{each}\n" for each in statements)


def main() -> None:
    """Writes the script anew, after a migration was added."""
    from stores.relational.migrating import NEWEST, run_migrations
    from stores.relational.place import SqlitePlace

    with tempfile.TemporaryDirectory() as folder:
        place = SqlitePlace(pathlib.Path(folder, "new.db"))
        engine = place.engine()
        with engine.execution_options(writes=True).begin() as connection:
            run_migrations(connection)
        engine.dispose()
        SCRIPT.write_text(script_of(place.path, NEWEST))


if __name__ == "__main__":
    main()
