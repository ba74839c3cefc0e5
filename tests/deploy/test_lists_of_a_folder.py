import pathlib
import shutil

import pytest
from click.testing import CliRunner

from deploy.command import SAMPLES, main
from deploy.local.releases import read_folder
from foundation.refusal import Refusal


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """The sample `payments` with one more list."""
    copy = tmp_path / "config"
    shutil.copytree(SAMPLES / "payments", copy)
    (copy / "lists" / "blocked_cards.txt").write_text("# stolen\ncard-1\n")
    return copy


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
