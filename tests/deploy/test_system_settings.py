"""Commands find out by the folder what carries the events of its system."""

import pathlib
import shutil

import pytest
from click.testing import CliRunner

from deploy.command import main
from deploy.machine.system_settings import note_runtime, system_settings
from foundation.refusal import Refusal
from foundation.settings import Settings


@pytest.mark.parametrize("runtime", ["flink", "solo"])
def test_a_command_knows_by_the_folder_which_runtime_was_started_in_it_last(tmp_path: pathlib.Path, runtime: str) -> None:
    (tmp_path / "solo" / "log" / "input").mkdir(parents=True)
    note_runtime(Settings(folder=str(tmp_path), runtime=runtime))
    assert system_settings({"WEIR_FOLDER": str(tmp_path)}).runtime == runtime


def test_a_solo_system_of_an_earlier_version_is_known_by_its_log(tmp_path: pathlib.Path) -> None:
    assert system_settings({"WEIR_FOLDER": str(tmp_path)}).runtime == "flink"
    (tmp_path / "solo" / "log" / "input").mkdir(parents=True)
    assert system_settings({"WEIR_FOLDER": str(tmp_path)}).runtime == "solo"


def test_the_variable_wins_over_the_folder(tmp_path: pathlib.Path) -> None:
    note_runtime(Settings(folder=str(tmp_path), runtime="solo"))
    assert system_settings({"WEIR_FOLDER": str(tmp_path), "WEIR_RUNTIME": "flink"}).runtime == "flink"


@pytest.mark.parametrize("content", [b"duo\n", b"", b"\xff"])
def test_a_folder_that_names_no_runtime_is_refused_with_the_file(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "runtime").write_bytes(content)
    with pytest.raises(Refusal, match=str(tmp_path / "runtime")):
        system_settings({"WEIR_FOLDER": str(tmp_path)})


@pytest.fixture
def without_java(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder of a system on a machine that has neither Java nor Maven."""
    folder, programs = tmp_path / "system", tmp_path / "bin"
    for each in (folder, programs):
        each.mkdir(mode=0o700)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("WEIR_RUNTIME", raising=False)
    monkeypatch.setenv("WEIR_FOLDER", str(folder))
    return folder


def test_doctor_asks_for_no_java_in_the_folder_of_a_solo_system(without_java: pathlib.Path) -> None:
    assert shutil.which("java") is None
    note_runtime(Settings(folder=str(without_java), runtime="solo"))
    said = CliRunner().invoke(main, ["doctor"]).output
    assert "ok     Python 3.11" in said
    assert not any(word in said for word in ("Java", "Maven", "broker"))


def test_doctor_asks_for_no_java_before_the_first_start_of_a_solo_system(without_java: pathlib.Path) -> None:
    assert "Java" not in CliRunner().invoke(main, ["doctor", "--solo"]).output
    said = CliRunner().invoke(main, ["doctor"])
    assert said.exit_code == 1
    assert "`weir serve` needs none" in said.output
