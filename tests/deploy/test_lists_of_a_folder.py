import json
import pathlib
import shutil

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from deploy.command import SAMPLES, main
from deploy.local.releases import read_folder
from foundation.refusal import Refusal

PAYMENT = {
    "payment_id": 1, "at": 1_790_000_000_000, "customer_id": "c", "terminal_id": "t", "device_id": "d-listed-01", "amount": 10.0,
    "currency": "EUR", "merchant_category": "books",
}  # fmt: skip
"""A payment from a device of the sample's block list."""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """The sample `payments` with one more list."""
    copy = tmp_path / "config"
    shutil.copytree(SAMPLES / "payments", copy)
    (copy / "lists" / "blocked_cards.txt").write_text("# stolen\ncard-1\n")
    return copy


@pytest.mark.slow
def test_the_lists_of_a_folder_are_parts_of_its_release(folder: pathlib.Path) -> None:
    texts = read_folder(folder)
    assert texts["list:blocked_cards"] == "# stolen\ncard-1\n"
    assert CliRunner().invoke(main, ["check", str(folder)]).exit_code == 0


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [("Blocked.txt", b"x\n", "bad list name"), ("a.txt", b"ok\n\x01\n", "lists/a.txt:2"), ("b.txt", b"ok\n\xff", "b.txt:2:1: not UTF-8")],
)
def test_a_bad_list_is_refused_with_its_place(folder: pathlib.Path, name: str, data: bytes, said: str) -> None:
    (folder / "lists" / name).write_bytes(data)
    with pytest.raises(Refusal, match=said):
        read_folder(folder)


@pytest.mark.parametrize("command", ["replay {} --config {} --out {}", "export --replayed {} --config {} --out {}/decisions.parquet"])
def test_recorded_events_are_decided_with_the_entries_of_the_folders_lists(tmp_path: pathlib.Path, command: str) -> None:
    events = [PAYMENT, PAYMENT | {"payment_id": 2, "device_id": "d-good"}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in events))
    (tmp_path / "out").mkdir()
    words = command.format(tmp_path / "events.jsonl", SAMPLES / "payments", tmp_path / "out").split()
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    decided = pyarrow.parquet.read_table(tmp_path / "out" / "decisions.parquet").to_pylist()
    assert [row["action"] for row in decided] == ["block", "approve"]


def test_an_event_is_explained_with_the_entries_of_the_folders_lists(tmp_path: pathlib.Path) -> None:
    (tmp_path / "events.jsonl").write_text(json.dumps(PAYMENT) + "\n")
    command = ["patterns", "explain", "blocked_device", "1", "--config", str(SAMPLES / "payments")]
    result = CliRunner().invoke(main, [*command, "--events", str(tmp_path / "events.jsonl")])
    assert result.exit_code == 0, result.output
    assert "matches event 1" in result.output.splitlines()[0]


def test_a_rule_is_tried_with_the_entries_of_the_folders_lists(tmp_path: pathlib.Path) -> None:
    events = [PAYMENT, PAYMENT | {"payment_id": 2, "device_id": "d-good"}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in events))
    (tmp_path / "listed.yaml").write_text(
        "title: listed\nwhy: tried\nowner: tests\nwhen: event.device_id in list.blocked_devices\nthen: {action: review}\n"
    )
    command = ["backtest", str(tmp_path / "listed.yaml"), str(tmp_path / "events.jsonl"), "--config", str(SAMPLES / "payments"), "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert [rule["caught"]["counts"]["events"] for rule in figures["rules"]] == [1]
