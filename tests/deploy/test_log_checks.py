"""`weir doctor` says what is wrong with the folder of a solo system."""

import pathlib

import pytest
from click.testing import CliRunner

from deploy.command import main
from foundation.settings import Settings
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT
from pipeline.log.segments import segment_paths
from pipeline.log.writer import LogWriter


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Settings:
    made = Settings(runtime="solo", folder=str(tmp_path))
    for name in (INPUT, OUTPUT):
        writer = LogWriter(made.path(*LOGS, name), "os", segment_bytes=300)
        for _ in range(6):
            writer.append([Entry("events", b"u", b"x" * 200)])
        writer.close()
    return made


def said(settings: Settings) -> str:
    """What it says of the log."""
    output = CliRunner().invoke(main, ["doctor"], env={"WEIR_FOLDER": settings.folder, "WEIR_RUNTIME": "solo"}).output
    [line] = [line for line in output.splitlines() if "log of the system" in line]
    return line


def test_whole_logs_are_ok(settings: Settings) -> None:
    assert said(settings).startswith("ok ")


def test_a_segment_that_is_missing_or_damaged_is_named(settings: Settings) -> None:
    paths = [path for _, path in segment_paths(settings.path(*LOGS, OUTPUT))]
    paths[-1].write_bytes(paths[-1].read_bytes()[:5])
    assert "damaged log" in said(settings)
    assert str(paths[-1]) in said(settings)
    paths[1].unlink()
    assert "incomplete log" in said(settings)
