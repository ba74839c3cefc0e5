"""A log that another version of Weir wrote is refused by each process of a solo system, in a sentence and without a traceback."""

import os
import pathlib
import subprocess
import sys

import pytest

from deploy.command import DEMO_CONFIG
from deploy.local.solo_stack import MODULES
from deploy.machine.jars import PROJECT
from foundation.settings import Settings, settings_as_environment
from pipeline.log import segment
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, SIDE
from pipeline.log.writer import LogWriter

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "log"), [("api", INPUT), pytest.param("api", OUTPUT, marks=pytest.mark.deep), ("side-jobs", SIDE)])
def test_a_process_refuses_a_log_of_another_version(name: str, log: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(runtime="solo", folder=str(tmp_path), api_port=1)
    monkeypatch.setattr(segment, "VERSION", 2)
    LogWriter(settings.path(*LOGS) / log).close()
    command = [sys.executable, "-m", MODULES[name], *(["--config", str(DEMO_CONFIG)] if name == "api" else [])]
    environment = os.environ | settings_as_environment(settings)
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 2
    assert f"weir: {settings.path(*LOGS) / log}" in run.stderr
    assert "log of another version: expected version 1, got version 2" in run.stderr
    assert "Traceback" not in run.stderr
