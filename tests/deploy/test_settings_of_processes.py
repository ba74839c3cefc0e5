"""Settings that `weir up` hands to its processes, which have another working directory."""

import pathlib

import msgspec
import pytest

from deploy.local.stack import settings_as_environment
from foundation.settings import PATHS, Settings, read_settings


def test_every_relative_path_means_in_each_process_what_it_means_to_weir_up(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    handed = settings_as_environment(msgspec.structs.replace(Settings(), **{name: f"some/{name}" for name in PATHS}))
    monkeypatch.chdir("/")
    read = read_settings(handed)
    assert {name: pathlib.Path(getattr(read, name)) for name in PATHS} == {name: tmp_path / "some" / name for name in PATHS}
    assert {"folder", "kafka_password_file", "token_file", "database_url_file"} <= set(PATHS)


def test_a_path_that_is_not_set_stays_so() -> None:
    assert read_settings(settings_as_environment(Settings())).kafka_ca_file == ""
