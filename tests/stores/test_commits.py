"""Whether anybody has committed to the relational store is known without a query."""

import pathlib
import sqlite3

import pytest
from sqlalchemy import text

from stores.relational.commits import Commits
from stores.relational.database import Database
from stores.relational.place import PostgresqlPlace, SqlitePlace


@pytest.fixture
def place(tmp_path: pathlib.Path) -> SqlitePlace:
    return SqlitePlace(tmp_path / "weir.db")


def test_each_commit_of_anybody_changes_the_number_and_nothing_else_does(place: SqlitePlace) -> None:
    database, commits = Database(place), Commits(place)
    first = commits.number()
    with database.writing() as connection:
        connection.execute(text("create table one (a integer)"))
        assert commits.number() == first, "it is not committed yet"
    second = commits.number()
    with database.reading() as connection:
        connection.execute(text("select count(*) from one")).scalar()
    assert commits.number() == second
    other = sqlite3.connect(place.path)
    other.execute("insert into one values (1)")
    other.commit()
    assert len({first, second, commits.number()}) == 3
    other.close()
    commits.close()
    database.close()


def test_what_is_not_there_has_no_number_and_is_not_made(place: SqlitePlace) -> None:
    assert Commits(place).number() is None
    assert not place.exists


def test_a_server_has_no_number() -> None:
    assert Commits(PostgresqlPlace("postgresql://nowhere/none")).number() is None
