"""All that the relational store keeps of a kind is written into a file."""

import pathlib

import msgspec
import pyarrow.parquet
import pytest
from alerts_of_a_test import alert
from cases_of_a_test import case, opened
from databases_of_a_test import database_in

from pipeline.jobs.kept_rows import write_kept
from stores.casework.alerts import AlertWork
from stores.casework.holds import Hold, HoldChange
from stores.casework.verdicts import Verdict
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.holds import RelationalHolds
from stores.relational.casework.verdicts import add_verdicts
from stores.relational.database import Database

KINDS = ("alerts", "cases", "verdicts", "holds")


@pytest.fixture
def database(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr("pipeline.jobs.kept_rows.ROWS_AT_ONCE", 2)
    opened_one = database_in(tmp_path)
    RelationalAlerts(opened_one).write(AlertWork([alert(f"a{number}", reasons=("<b>",)) for number in range(5)], (), (), (), at_ms=9))
    for number in range(4):
        RelationalCases(opened_one).open(*opened(case(number, inbox="payments" if number else "logins")))
    own = {"user": "", "event_id": "", "entity_kind": "c", "entity_id": "e", "verdict": "fraud", "reason": "r", "inputs": {"a": 1.5}}
    with opened_one.writing() as connection:
        given = [Verdict(f"v{number}", case(number).id, **own, by="ana", at_ms=1, effective_at_ms=2) for number in range(3)]  # type: ignore[arg-type]
        add_verdicts(connection, given)
    holds = [Hold(f"h{number}", f"k{number}", "u", f"e{number}", 0, 1, "review", number, 9, "decline") for number in range(3)]
    RelationalHolds(opened_one).change([HoldChange(hold) for hold in holds])
    return opened_one


@pytest.mark.parametrize(("what", "rows"), [("alerts", 5), ("cases", 3), ("verdicts", 2), ("holds", 3)])
def test_all_rows_are_written_in_either_form_without_those_of_hidden_inboxes(
    database: Database, tmp_path: pathlib.Path, what: str, rows: int
) -> None:
    told: list[int] = []
    lines, table = tmp_path / "rows.jsonl", tmp_path / "rows.parquet"
    assert write_kept(database, what, ["logins"], lines, "json_lines", lambda done, _: told.append(done)) == rows  # type: ignore[arg-type]
    assert write_kept(database, what, ["logins"], table, "parquet", lambda done, _: None) == rows  # type: ignore[arg-type]
    objects = [msgspec.json.decode(line) for line in lines.read_bytes().splitlines()]
    found = pyarrow.parquet.read_table(table).to_pylist()
    assert [one["id"] for one in objects] == [row["id"] for row in found]
    assert (len(objects), told[-1]) == (rows, rows)
    for one, row in zip(objects, found, strict=True):
        assert {name: msgspec.json.decode(row[name]) if isinstance(given, dict | list) else row[name] for name, given in one.items()} == one


def test_an_empty_store_makes_an_empty_file(tmp_path: pathlib.Path) -> None:
    for what in KINDS:
        assert write_kept(database_in(tmp_path), what, [], tmp_path / what, "parquet", lambda done, _: None) == 0  # type: ignore[arg-type]
        assert pyarrow.parquet.read_table(tmp_path / what).num_rows == 0
