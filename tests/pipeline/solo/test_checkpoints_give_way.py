"""The thread that writes a checkpoint lets the threads go first that decide and answer."""

import os
import pathlib
import sys
import threading

import pytest

from pipeline.log.log_folder import INPUT, OUTPUT
from pipeline.log.writer import LogWriter
from pipeline.solo.checkpoints import NICENESS, Checkpoints
from pipeline.solo.state_file import StateFile


def niceness() -> int:
    """That of the thread that asks."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is that of a process")
def test_only_the_thread_that_writes_gives_way(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    monkeypatch.setattr(StateFile, "write", lambda *given: found.append(niceness()))
    logs = {name: LogWriter(tmp_path / name, "os") for name in (INPUT, OUTPUT)}
    checkpoints = Checkpoints(tmp_path / "state.db", logs, lambda: 1_700_000_000.0)
    before = niceness()
    checkpoints.states()
    for position in (1, 2):
        checkpoints.moved(position)
        checkpoints.write(lambda: None)
        checkpoints.wait()
    checkpoints.close()
    for log in logs.values():
        log.close()
    assert found == [min(before + NICENESS, 19)] * 2
    assert niceness() == before
