"""The weir command: refusals are one message and status 2, and what needs no server starts none."""

import errno
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from deploy.command import SAMPLES, main


def test_the_version_is_that_of_the_newest_release_in_the_changelog() -> None:
    changelog = (pathlib.Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    newest = re.findall(r"^## \[(\d[^]]*)\]", changelog, re.MULTILINE)[0]
    assert CliRunner().invoke(main, ["--version"]).output == f"weir {newest}\n"


@pytest.mark.slow
def test_check_says_what_a_good_folder_holds() -> None:
    result = CliRunner().invoke(main, ["check", str(SAMPLES / "payments")])
    assert result.exit_code == 0
    assert "features over customer_id, terminal_id, payee_id; models payment_shape" in result.output


@pytest.mark.slow
def test_check_warns_of_windows_that_retention_may_end(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(SAMPLES / "payments", folder)
    features = folder / "features.yaml"
    features.write_text(features.read_text() + "- {name: last5, template: count, window: {last: 5}}\n")
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exit_code == 0
    assert "warning: feature last5: it holds only those of the last 5 events that are within retention" in result.output


def test_a_mistake_in_a_definition_is_refused_with_line_and_hint(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(SAMPLES / "payments", folder)
    features = folder / "features.yaml"
    features.write_text(features.read_text().replace("value: event.amount, window: 24h", "value: event.amonut, window: 24h"))
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exit_code == 2
    assert result.output.startswith("weir: features.yaml:8:49: ")
    assert "did you mean event.amount?" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("part", "old", "new", "place"),
    [
        ("features", b"- {name: ", b"- {description: caf\xe9, name: ", "features.yaml:3:"),
        ("models", b"inputs: [event.amount]", b"inputs: [event.amount, event.amount]", "models.yaml:11:"),
        ("schema", b"retain: true", b"retain: yes", "schema.yaml:7:"),
        ("policy", b"bands: [", b"bands: &b [", "policy.yaml:3:8:"),
        ("lists/known", b"", b"good\n\xff", "known.txt:2:1:"),
    ],
)
@pytest.mark.parametrize("command", ["check", "replay", "export", "push"])
def test_each_command_refuses_a_folder_with_a_mistake_by_file_line_and_column(
    tmp_path: pathlib.Path, command: str, part: str, old: bytes, new: bytes, place: str
) -> None:
    folder, events = tmp_path / "config", tmp_path / "events.jsonl"
    shutil.copytree(SAMPLES / "payments", folder)
    (folder / "lists").mkdir(exist_ok=True)
    file = folder / (f"{part}.txt" if "/" in part else f"{part}.yaml")
    before = file.read_bytes() if file.exists() else b""
    assert old in before
    file.write_bytes(before.replace(old, new, 1) if old else new)
    events.touch()
    arguments = {
        "check": ["check", str(folder)],
        "push": ["push", str(folder)],
        "replay": ["replay", str(events), "--config", str(folder)],
        "export": ["export", "--replayed", str(events), "--config", str(folder), "--out", str(tmp_path / "out.parquet")],
    }
    result = CliRunner().invoke(main, arguments[command])
    assert result.exit_code == 2
    assert place in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("given", ["60", "0s", "soon"])
def test_a_time_without_a_unit_is_refused(given: str) -> None:
    result = CliRunner().invoke(main, ["demo", "--for", given])
    assert result.exit_code == 2
    assert "a whole number with a unit" in result.output


def test_a_bad_setting_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_PARALLELISM", "many")
    result = CliRunner().invoke(main, ["settings"])
    assert result.exit_code == 2
    assert "parallelism" in result.output


def test_labels_come_from_one_place_only(tmp_path: pathlib.Path) -> None:
    events = tmp_path / "events.jsonl"
    events.touch()
    arguments = ["replay", str(events), "--config", str(SAMPLES / "cards"), "--labels", str(events), "--label-column", "TX_FRAUD"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "cannot be used together" in result.output


def test_an_unknown_benchmark_is_refused_with_those_that_exist() -> None:
    result = CliRunner().invoke(main, ["bench", "no_such_benchmark"])
    assert result.exit_code == 2
    assert "no_such_benchmark" in result.output


def test_help_loads_neither_flink_nor_a_client() -> None:
    program = "import sys, deploy.command; print(sorted({'pyflink', 'confluent_kafka', 'numba', 'rich'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_file_that_cannot_be_used_is_named_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device", "/full/weir.db")

    monkeypatch.setattr("deploy.doctor.doctor.run_checks", fail)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 2
    assert "weir: /full/weir.db: No space left on device" in result.output
