"""What an earlier version kept is taken into the relational store as it was; the files in `earlier` were written by such a version."""

import contextlib
import pathlib
import shutil
import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from databases_of_a_test import PLACES, database_in

from api.operations.earlier_files import require_carried_over
from deploy.command import main
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.audit import Entry, Fact, verify
from stores.registry import StoredDefinition, StoredRelease
from stores.relational.audit import RelationalAudit
from stores.relational.carrying_over import carry_over
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.tokens import RelationalTokens
from stores.sqlite.sqlite_earlier import FILES, SOURCE, EarlierFiles
from stores.tokens import StoredToken, token_hash

FOLDER = pathlib.Path(__file__).parent / "earlier"


class Said(msgspec.Struct):
    """What the earlier version itself answered of its files."""

    texts: dict[str, str]
    definitions: dict[str, list[StoredDefinition]]
    releases: list[StoredRelease]
    pending: list[StoredRelease]
    tokens: list[StoredToken]
    audit: list[Entry]


SAID = msgspec.json.decode((FOLDER / "said.json").read_bytes(), type=Said)


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as made:
        yield made


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with the files of an earlier version."""
    for name in FILES:
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def held(database: Database) -> Said:
    """What `database` answers."""
    registry = RelationalRegistry(database)
    texts = {hash: str(registry.text(hash)) for hash in SAID.texts}
    definitions = {part: registry.definitions(part, 10) for part in SAID.definitions}
    return Said(
        texts, definitions, registry.releases(100), registry.pending_publication(), RelationalTokens(database).all(),
        list(RelationalAudit(database).walk()),
    )  # fmt: skip


def changed(folder: pathlib.Path, file: str, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_all_of_it_is_there_as_it_was_and_goes_on_from_there(database: Database) -> None:
    said = carry_over(database, SOURCE, EarlierFiles(FOLDER), 5)
    assert said == f"5 definitions, 4 releases, 3 tokens, audit log of 12 entries, head {SAID.audit[-1].hash}"
    assert held(database) == SAID
    audit, registry = RelationalAudit(database), RelationalRegistry(database)
    assert audit.append(Fact(1, "ann", ("admin",), "PUT /v1/policy", "intent")).number == 13
    assert (verify(audit.walk(), SAID.audit[3].hash).broken, verify(audit.walk()).entries) == (None, 13)
    assert registry.release(SAID.releases[0].parts, "ann", 9) == SAID.releases[0].id + 1


def test_a_second_time_changes_nothing_also_when_both_have_gone_on(database: Database, folder: pathlib.Path) -> None:
    first = carry_over(database, SOURCE, EarlierFiles(folder), 5)
    RelationalAudit(database).append(Fact(1, "ann", ("admin",), "PUT /v1/policy", "intent"))
    RelationalTokens(database).revoke("payments", 77)
    before = held(database)
    changed(folder, "tokens.db", "UPDATE token SET roles = 'admin'")
    assert carry_over(database, SOURCE, EarlierFiles(folder), 6) == first
    assert held(database) == before


@pytest.mark.parametrize("statement", ["DELETE FROM entry WHERE number = 5", "UPDATE entry SET said = said || ' ' WHERE number = 5"])
def test_a_log_that_was_broken_before_is_carried_over_as_it_is_and_called_broken(
    database: Database, folder: pathlib.Path, statement: str
) -> None:
    changed(folder, "audit.db", statement)
    said = carry_over(database, SOURCE, EarlierFiles(folder), 5)
    assert "audit log of 4 entries" in said and "it was broken there before: entry 5" in said
    assert list(RelationalAudit(database).walk()) == list(EarlierFiles(folder).entries())
    assert RelationalAudit(database).append(Fact(1, "ann", (), "PUT", "intent")).previous == SAID.audit[-1].hash


def test_a_database_with_an_audit_log_of_its_own_is_left_as_it_is(database: Database) -> None:
    RelationalAudit(database).append(Fact(1, "ann", ("admin",), "PUT /v1/policy", "intent"))
    before = held(database)
    with pytest.raises(Refusal, match="in use already"):
        carry_over(database, SOURCE, EarlierFiles(FOLDER), 5)
    assert held(database) == before


def test_another_release_of_the_same_id_and_another_token_of_the_same_name_are_not_written_over(database: Database) -> None:
    tokens, registry = RelationalTokens(database), RelationalRegistry(database)
    tokens.add(StoredToken("payments", token_hash("another token"), ("reader",), "owner", 1))
    with pytest.raises(Refusal, match="token payments"):
        carry_over(database, SOURCE, EarlierFiles(FOLDER), 5)
    registry.release({"policy": registry.put("policy", "other", "ann", 1)}, "ann", 1)
    with pytest.raises(Refusal, match="release 1"):
        carry_over(database, SOURCE, EarlierFiles(FOLDER), 5)
    assert [each.name for each in tokens.all()] == ["payments"]


def test_a_registry_of_the_first_version_is_read_too(folder: pathlib.Path) -> None:
    changed(folder, "registry.db", "DROP TABLE definition_of_part")
    found = EarlierFiles(folder).definitions()
    assert [each for each in found if each.part == "schema"] == SAID.definitions["schema"]
    assert {each.hash for each in found} == set(SAID.texts)


def test_files_that_are_missing_held_nothing(folder: pathlib.Path) -> None:
    (folder / "registry.db").unlink()
    (folder / "tokens.db").unlink()
    files = EarlierFiles(folder)
    assert (list(files.texts()), files.definitions(), files.releases(), files.tokens()) == ([], [], [], [])
    assert (len(list(files.entries())), files.exist, EarlierFiles(folder / "none").exist) == (12, True, False)


def test_the_command_says_what_it_did_and_an_api_process_starts_only_then(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_FOLDER", str(folder))
    settings: Any = Settings(folder=str(folder))
    with contextlib.closing(database_in(folder)) as database, pytest.raises(Refusal, match="carry-over"):
        require_carried_over(settings, database)
    before = {name: (folder / name).read_bytes() for name in FILES}
    first = CliRunner().invoke(main, ["database", "carry-over"])
    assert (first.exit_code, "4 releases, 3 tokens, audit log of 12 entries" in first.output) == (0, True)
    assert "nothing to carry over" in CliRunner().invoke(main, ["database", "carry-over"]).output
    verified = CliRunner().invoke(main, ["audit", "verify", "--head", SAID.audit[5].hash])
    assert (verified.exit_code, verified.output.startswith("entries: 12,")) == (0, True)
    with contextlib.closing(database_in(folder)) as database:
        require_carried_over(settings, database)
        assert content_hash("score: y\n") in {each.hash for each in RelationalRegistry(database).definitions("policy", 9)}
    assert {name: (folder / name).read_bytes() for name in FILES} == before
