"""The relational store: its tables are made once, by whoever comes first, and nobody works on tables that are newer than the program."""

import concurrent.futures
import contextlib
import importlib
import multiprocessing
import os
import pathlib
import pkgutil
import time

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alerts_of_a_test import alert
from cases_of_a_test import case, counted
from databases_of_a_test import BARE_PLACES, database_in
from sqlalchemy import insert, select, text

from foundation.refusal import Refusal
from foundation.settings import Settings
from stores import relational
from stores.decisions import StoreUnavailableError
from stores.relational import migrations, newest_schema
from stores.relational.audit import HEAD, RelationalAudit
from stores.relational.casework.alert_tables import ALERT, EVENT
from stores.relational.casework.case_rows import write_cases
from stores.relational.casework.case_tables import CASE_ALERT, CASE_REVIEW
from stores.relational.casework.reviews import write_review
from stores.relational.database import Database, insert_unless_there
from stores.relational.definitions import DEFINITION
from stores.relational.effect_tables import COUNT, TOTAL
from stores.relational.migrating import NEWEST, run_migrations
from stores.relational.place import DatabasePlace, PostgresqlPlace, SqlitePlace, place_of
from stores.relational.tables import METADATA

for _module in pkgutil.walk_packages(relational.__path__, f"{relational.__name__}."):
    if not _module.name.startswith(f"{migrations.__name__}."):  # its scripts run inside a migration alone
        importlib.import_module(_module.name)  # all tables are known before their collection is compared


@pytest.fixture(params=BARE_PLACES)
def place(request: pytest.FixtureRequest) -> DatabasePlace:
    return BARE_PLACES[request.param](request)


def test_the_scripts_make_the_tables_that_the_program_names(place: DatabasePlace) -> None:
    with contextlib.closing(Database(place)) as database, database.reading() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, METADATA) == []


def test_a_new_file_is_made_as_all_scripts_make_it(tmp_path: pathlib.Path) -> None:
    place = SqlitePlace(tmp_path / "made.db")
    engine = place.engine()
    with engine.execution_options(writes=True).begin() as connection:
        run_migrations(connection)
    engine.dispose()
    assert newest_schema.script_of(place.path, NEWEST) == newest_schema.SCRIPT.read_text(), "run python -m stores.relational.newest_schema"
    new = SqlitePlace(tmp_path / "new.db")
    Database(new).close()
    assert newest_schema.script_of(new.path, NEWEST) == newest_schema.SCRIPT.read_text()


def test_each_script_says_the_version_that_its_name_has() -> None:
    files = sorted(pathlib.Path(next(iter(migrations.__path__))).glob("v*.py"))
    assert [f'revision = "{file.stem[1:5]}"' in file.read_text() for file in files] == [True] * len(files)
    assert files[-1].stem[1:5] == NEWEST


def open_and_close(place: DatabasePlace, number: int) -> int:
    Database(place).close()
    return number


@pytest.mark.slow
def test_processes_that_open_a_new_database_at_once_make_its_tables_once(place: DatabasePlace) -> None:
    with concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as processes:
        assert sorted(processes.map(open_and_close, [place] * 8, range(8))) == list(range(8))
    with contextlib.closing(Database(place, owner=False)) as database, database.reading() as connection:
        assert connection.execute(select(HEAD.c.number)).all() == [(0,)]


def test_verdicts_of_an_older_program_say_what_they_say_of_one_given_now(place: DatabasePlace) -> None:
    """The script counts by itself what the program counts, because it must stay as it is when the program changes."""
    with contextlib.closing(Database(place)) as database, database.writing() as connection:
        write_cases(connection, [decided := case(1, verdict="fraud", decided_at_ms=5), case(2)])
        for id, of_case in (("a1", decided), ("a2", decided), ("a3", case(2))):
            whole = msgspec.json.encode(alert(id, 5))
            connection.execute(insert(ALERT).values(id=id, name="attack", state="firing", opened_at_ms=5, whole=whole))
            connection.execute(insert(CASE_ALERT).values(alert=id, case_id=of_case.id, at_ms=5))
            for number, probability in enumerate((0.5, None)):
                event = msgspec.structs.asdict(counted(f"{id}{number}", id, probability=probability))
                connection.execute(insert(EVENT).values(event | {"case_id": of_case.id}))
        write_review(connection, decided)
        wanted = connection.execute(select(CASE_REVIEW).order_by(CASE_REVIEW.c.kind)).all()
        connection.execute(text("DROP TABLE case_review"))
        with Operations.context(MigrationContext.configure(connection)):
            importlib.import_module(f"{migrations.__name__}.v0021_what_verdicts_say_of_rules_and_models").upgrade()
        assert connection.execute(select(CASE_REVIEW).order_by(CASE_REVIEW.c.kind)).all() == wanted
    assert [(row.kind, row.name, row.alerts, row.told) for row in wanted] == [("model", "shape", 2, 2), ("rule", "a", 2, 0)]


def test_totals_of_an_older_program_count_as_alone_what_the_hours_say_that_are_kept(place: DatabasePlace) -> None:
    hour = {"release": 1, "shadow": False, "action": "block", "version": "v1", "asks": "block", "matches": 3, "decided": 0}
    total = {"acted": 6, "watched": 0, "hidden": 0, "erred": 0, "skipped": 0, "alone": 0}
    with contextlib.closing(Database(place)) as database, database.writing() as connection:
        connection.execute(insert(TOTAL), [total | {"pattern": "a"}, total | {"pattern": "b"}])
        connection.execute(insert(COUNT), [hour | {"pattern": "a", "hour_ms": at, "alone": at} for at in (1, 2)])
        connection.execute(text("ALTER TABLE rule_total DROP COLUMN alone"))
        with Operations.context(MigrationContext.configure(connection)):
            importlib.import_module(f"{migrations.__name__}.v0023_matches_of_rules_alone").upgrade()
        assert connection.execute(select(TOTAL.c.pattern, TOTAL.c.alone).order_by(TOTAL.c.pattern)).all() == [("a", 3), ("b", 0)]


def test_a_database_of_a_newer_program_is_refused_with_what_to_do(place: DatabasePlace) -> None:
    with contextlib.closing(Database(place)) as database, database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for owner in (True, False):
        with pytest.raises(Refusal, match=r"newer version.*at most, got 9999.*upgrade this program"):
            Database(place, owner)


def test_who_only_reads_makes_no_tables(place: DatabasePlace, tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match=r"no database|no tables"):
        Database(place, owner=False)
    assert list(tmp_path.glob("*.db")) == []


def test_a_transaction_that_raises_leaves_nothing(place: DatabasePlace) -> None:
    with contextlib.closing(Database(place)) as database:
        with contextlib.suppress(RuntimeError), database.writing() as connection:
            connection.execute(insert(DEFINITION).values(hash="h", text=b"t"))
            raise RuntimeError
        with database.writing() as connection:
            assert insert_unless_there(connection, DEFINITION, hash="h", text=b"t")
            assert not insert_unless_there(connection, DEFINITION, hash="h", text=b"other")


def test_after_its_end_it_is_a_store_that_does_not_answer(place: DatabasePlace) -> None:
    database = Database(place)
    database.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        list(RelationalAudit(database).walk())


def test_a_file_that_is_no_database_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "weir.db").write_text("no database " * 1_000)
    with pytest.raises(Refusal, match="not a store"):
        database_in(tmp_path)


def test_a_server_that_is_not_there_is_refused_or_waited_for_and_its_password_is_not_said() -> None:
    place = PostgresqlPlace("postgresql://weir:secret-word@127.0.0.1:9/weir")
    with pytest.raises(Refusal, match="no answer from PostgreSQL") as refused:
        Database(place)
    assert "secret-word" not in str(refused.value)
    with contextlib.closing(Database(place, patient=True)) as database:
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="no answer from PostgreSQL") as away:
            RelationalAudit(database).page(None, 1)
        assert time.monotonic() - began < 1.0
    assert "secret-word" not in str(away.value)


def test_the_settings_name_a_file_a_url_or_a_file_with_a_url(tmp_path: pathlib.Path) -> None:
    url = "postgresql://weir:secret-word@db.example:6543/weir?sslmode=verify-full"
    (tmp_path / "url").write_text(url + "\n")
    settings = Settings(folder=str(tmp_path))
    assert place_of(settings) == SqlitePlace(tmp_path / "weir.db")
    assert place_of(msgspec.structs.replace(settings, database_url=url)) == PostgresqlPlace(url)
    place = place_of(msgspec.structs.replace(settings, database_url_file=str(tmp_path / "url")))
    assert place == PostgresqlPlace(url)
    assert place.where == "db.example port 6543, database weir"


@pytest.mark.parametrize("url", ["mysql://weir:secret-word@db/weir", "secret-word", "postgresql://weir:secret-word@[db/weir"])
def test_what_is_no_url_of_postgresql_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Refusal, match="bad database URL") as refused:
        place_of(Settings(database_url=url))
    assert "secret-word" not in str(refused.value)


def test_a_file_that_should_hold_the_url_and_does_not_is_named(tmp_path: pathlib.Path) -> None:
    for file in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").touch()
        with pytest.raises(Refusal, match=os.path.basename(file)):
            place_of(Settings(database_url_file=str(file)))
