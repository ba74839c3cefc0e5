"""Which servers `weir up --profile full` starts, and what `weir doctor` says of the database."""

import os
import pathlib

import pytest
from databases_of_a_test import database_in
from sqlalchemy import text

from deploy.commands.up import servers_of, with_servers
from deploy.doctor.database_checks import database_problem
from foundation.settings import Settings

URL = "postgresql://weir:secret-word@127.0.0.1:9/weir"


def test_a_postgresql_is_started_where_none_is_named(tmp_path: pathlib.Path) -> None:
    settings = with_servers(Settings(folder=str(tmp_path)))
    assert settings.database_url_file == str(tmp_path / "postgresql" / "url")
    assert "postgresql" in servers_of(settings)
    assert with_servers(settings) == settings


def test_the_one_of_the_folder_may_be_named_too(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "postgresql" in servers_of(with_servers(Settings(database_url_file=".weir/postgresql/url")))


@pytest.mark.parametrize("named", [{"database_url": URL}, {"database_url_file": os.devnull}])
def test_one_that_is_named_is_used_and_none_is_started(tmp_path: pathlib.Path, named: dict[str, str]) -> None:
    given = Settings(folder=str(tmp_path), **named)
    settings = with_servers(given)
    assert (settings.database_url, settings.database_url_file) == (given.database_url, given.database_url_file)
    assert "postgresql" not in servers_of(settings)


def test_doctor_has_nothing_to_say_of_a_database_that_a_start_will_make(tmp_path: pathlib.Path) -> None:
    settings = Settings(folder=str(tmp_path))
    assert database_problem(settings) == database_problem(with_servers(settings)) == ""
    database_in(tmp_path).close()
    assert database_problem(settings) == ""


def test_doctor_names_a_database_that_does_not_answer_or_is_newer(tmp_path: pathlib.Path) -> None:
    away = database_problem(Settings(database_url=URL))
    assert "no answer from PostgreSQL" in away and "secret-word" not in away
    database = database_in(tmp_path)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    assert "newer version" in database_problem(Settings(folder=str(tmp_path)))
