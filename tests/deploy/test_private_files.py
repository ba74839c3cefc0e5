"""Folders and files that only their owner may enter or read."""

import os
import pathlib
import stat

import pytest

from deploy.machine.private_files import make_private_folder, openness, write_private
from foundation.refusal import Refusal


def mode_of(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_from_before_is_closed_to_others(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    folder.chmod(0o755)
    assert openness(folder) == "drwxr-xr-x"
    make_private_folder(folder)
    assert mode_of(folder) == 0o700
    assert openness(folder) == ""


def test_a_new_folder_is_closed_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        make_private_folder(tmp_path / "new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o700


def test_a_folder_that_everybody_shares_is_refused_and_left_as_it_is(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    with pytest.raises(Refusal, match="the folder is shared"):
        make_private_folder(folder)
    assert mode_of(folder) == 0o1777


def test_a_secret_replaces_a_readable_file_and_is_closed(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert mode_of(file) == 0o600
    assert os.listdir(tmp_path) == ["secret"]


def test_a_folder_that_cannot_be_made_or_written_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Refusal, match="the folder cannot be written"):
            make_private_folder(folder)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as on a disk that is read-only, where root may not write either
    with pytest.raises(Refusal, match="read-only disk"):
        make_private_folder(tmp_path)
