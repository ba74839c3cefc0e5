"""`weir demo` and `weir up` as a user runs them: they end as told, and leave no process behind."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from process_search import processes_about

from deploy.machine.ports import free_ports

pytestmark = pytest.mark.system

START_SECONDS_MAX = 400.0
RATE = 50
"""Payments a second: fewer than a demo has by itself, and its history is shorter by as much, which Flink takes less CPU for."""


def run(folder: pathlib.Path, *arguments: str) -> subprocess.Popen[str]:
    broker_port, api_port, flink_port = free_ports(3)
    ports = {"WEIR_BOOTSTRAP": f"127.0.0.1:{broker_port}", "WEIR_API_PORT": str(api_port), "WEIR_FLINK_PORT": str(flink_port)}
    environment = os.environ | ports | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "deploy.command", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    watchdog = threading.Timer(START_SECONDS_MAX, process.kill)
    watchdog.start()
    read = ""
    try:
        for line in process.stdout:
            read += line
            if text in line:
                return read
    finally:
        watchdog.cancel()
    pytest.fail(f"ended without {text!r}:\n{read}")


@pytest.mark.parametrize("profile", ["embedded", "solo"])
def test_the_demo_flags_attacks_with_reasons_and_ends_by_itself(profile: str, tmp_path: pathlib.Path) -> None:
    process = run(tmp_path, "demo", "--for", "20s", "--rate", str(RATE), *(["--profile", profile] if profile == "solo" else []))
    out, _ = process.communicate(timeout=START_SECONDS_MAX + 90)
    assert process.returncode == 0, out
    flagged, begun = map(int, re.findall(r"attacks +(\d+) of (\d+) flagged", out)[0])
    assert begun >= 2
    assert flagged >= 1
    assert re.search(r"(review|block) +0\.99\d  c\d+ pays [\d.]+ at t\d+  \[.+\]  .+(in 1 minute|amount: )", out), out
    assert int(re.findall(r"decisions +([\d,]+) in", out)[0].replace(",", "")) >= RATE
    assert int(re.findall(r"dead letters +(\d+)", out)[-1]) >= 1
    assert processes_about(tmp_path) == []
    assert list(tmp_path.iterdir()) == [], "its folder is removed"


@pytest.mark.long
def test_ctrl_c_while_starting_leaves_no_process(tmp_path: pathlib.Path) -> None:
    process = run(tmp_path, "demo")
    read_until(process, "broker is up")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=240)
    assert process.returncode == 0
    assert processes_about(tmp_path) == []


def test_a_killed_demo_takes_its_processes_with_it(tmp_path: pathlib.Path) -> None:
    process = run(tmp_path, "demo")
    read_until(process, "broker is up")
    process.kill()
    process.communicate(timeout=240)
    deadline = time.monotonic() + 120
    while processes_about(tmp_path):
        assert time.monotonic() < deadline, processes_about(tmp_path)
        time.sleep(0.2)


@pytest.mark.parametrize("missing", ["schema.yaml", "policy.yaml"])
def test_a_folder_without_a_definition_is_refused_before_anything_starts(missing: str, tmp_path: pathlib.Path) -> None:
    for part in {"schema.yaml", "features.yaml", "models.yaml", "policy.yaml"} - {missing}:
        (tmp_path / part).touch()
    process = run(tmp_path, "up", "--config", str(tmp_path))
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 2
    assert missing in out
    assert "Traceback" not in out
