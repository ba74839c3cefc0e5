"""Logs and checkpoints of a system that runs for long have an end, and what a restart needs stays."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from deploy.local import tidying
from deploy.local.tidying import Tidying
from deploy.machine import log_files
from deploy.machine.checkpoints import forget_earlier_runs, newest_checkpoint
from deploy.machine.processes import Process
from deploy.servers.cluster import Cluster


def checkpoint(folder: pathlib.Path, run: str, number: int, complete: bool = True, at: int = 1_000) -> pathlib.Path:
    made = folder / run / f"chk-{number}"
    made.mkdir(parents=True)
    if complete:
        (made / "_metadata").write_bytes(b"m")
        os.utime(made / "_metadata", (at, at))
    return made


def test_the_newest_checkpoint_is_the_one_of_the_highest_number_whatever_the_clock_said(tmp_path: pathlib.Path) -> None:
    assert newest_checkpoint(tmp_path) is None
    checkpoint(tmp_path, "a", 9, at=5_000)
    newest = checkpoint(tmp_path, "b", 10, at=1_000)
    checkpoint(tmp_path, "b", 11, complete=False)
    assert newest_checkpoint(tmp_path) == newest


def test_earlier_runs_go_once_a_running_one_has_the_newest_checkpoint(tmp_path: pathlib.Path) -> None:
    for number, run in enumerate(("a", "b", "c"), 1):
        checkpoint(tmp_path, run, number)
    checkpoint(tmp_path, "d", 4, complete=False)
    assert forget_earlier_runs(tmp_path, ["d"]) == []
    assert newest_checkpoint(tmp_path) == tmp_path / "c" / "chk-3"
    checkpoint(tmp_path, "d", 5)
    assert sorted(forget_earlier_runs(tmp_path, ["d"])) == ["a", "b", "c"]
    assert newest_checkpoint(tmp_path) == tmp_path / "d" / "chk-5"
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_nothing_goes_while_no_run_is_there(tmp_path: pathlib.Path) -> None:
    checkpoint(tmp_path, "a", 1)
    checkpoint(tmp_path, "b", 2)
    assert forget_earlier_runs(tmp_path, []) == []
    assert forget_earlier_runs(tmp_path / "nothing", ["a"]) == []


def test_tidying_asks_flink_which_runs_there_are(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(tmp_path / "flink", tmp_path / "logs", port=1)
    for job in ("score", "metrics"):
        checkpoint(cluster.checkpoints / job, f"{job}-1", 1)
        checkpoint(cluster.checkpoints / job, f"{job}-2", 2)
    step = Tidying(cluster)
    monkeypatch.setattr(tidying, "running_jobs", lambda port, seconds: {"weir-score": "score-2", "weir-metrics": "metrics-3"})
    assert step.step() == []
    step._next_look = time.monotonic()
    assert step.step() == ["score-1"]
    assert (cluster.checkpoints / "metrics" / "metrics-2" / "chk-2").exists()


def test_a_large_log_is_set_aside_before_a_process_opens_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files.set_aside, "__defaults__", (100,))
    log = tmp_path / "child.log"
    log.write_text("old " * 50)
    process = Process("child", [sys.executable, "-c", "print('new')"], os.environ, tmp_path)
    process.wait_for_end(30)
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").read_text() == "old " * 50


def test_a_log_that_a_process_appends_to_is_cut_and_written_on(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "child.log"
    program = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    with log.open("ab") as out:
        child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=out, text=True)
    assert child.stdin is not None
    seen = 0
    for number in range(400):
        child.stdin.write(f"{number:0100}\n")
        child.stdin.flush()
        seen = max(seen, _wait_for(log, f"{number:0100}\n"))
        log_files.cut(log, 2_000)
    child.stdin.close()
    child.wait(30)
    assert seen <= 2_200
    assert log.stat().st_size <= 2_200
    lines = ((tmp_path / "child.log.1").read_text() + log.read_text()).split()
    assert [int(line) for line in lines] == list(range(400 - len(lines), 400))
    assert len(lines) >= 19


def _wait_for(log: pathlib.Path, line: str) -> int:
    """The size of the log once it ends with `line`."""
    deadline = time.monotonic() + 30
    while not (text := log.read_text()).endswith(line):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return len(text)


def test_where_there_is_no_room_for_a_copy_the_log_is_cut_all_the_same(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: pathlib.Path, target: pathlib.Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_files.shutil, "copyfile", full)
    log = tmp_path / "child.log"
    log.write_bytes(b"x" * 3_000)
    log_files.cut(log, 2_000)
    assert log.read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["child.log"]
