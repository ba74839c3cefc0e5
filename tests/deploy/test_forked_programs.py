"""Programs that are forks of one process, which loads what they need once."""

import os
import pathlib
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.machine import interruption
from deploy.machine.forked_programs import ForkedPrograms
from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process

SECONDS_MAX = 60.0
PROGRAM = """
import os, shared, signal, sys
if __name__ == "__main__":
    print(sys.argv[1], os.environ["NAME"], shared.LOADED_BY, os.getppid(), os.getpgid(0) == os.getpid())
    if sys.argv[1] == "wait":
        signal.pause()
    sys.exit(int(sys.argv[1]))
"""
SHARED = "import os\nLOADED_BY = os.getpid()\n"


@pytest.fixture
def programs(tmp_path: pathlib.Path) -> Iterator[ForkedPrograms]:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "shared.py").write_text(SHARED)
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{tmp_path}"}
    made = ForkedPrograms([sys.executable, "-m", "deploy.machine.fork_server"], environment, tmp_path / "programs.log", tmp_path)
    yield made
    made.close()


def started(programs: ForkedPrograms, folder: pathlib.Path, name: str, *arguments: str, module: str = "program") -> Process:
    command = [sys.executable, "-m", module, *arguments]
    return Process(name, command, {"NAME": name}, folder, folder, start=programs.launch)


def ended(process: Process) -> int | None:
    deadline = time.monotonic() + SECONDS_MAX
    while process.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.exit_status()


def test_programs_share_what_is_loaded_and_have_all_else_of_their_own(tmp_path: pathlib.Path, programs: ForkedPrograms) -> None:
    one, other = started(programs, tmp_path, "one", "0"), started(programs, tmp_path, "other", "7")
    assert [ended(one), ended(other)] == [0, 7]
    assert one.last_lines().split() == ["0", "one", str(programs.pid), str(programs.pid), "True"]
    assert other.last_lines().split() == ["7", "other", str(programs.pid), str(programs.pid), "True"]
    missing = started(programs, tmp_path, "missing", module="no_such_program")
    assert ended(missing) == 1
    assert "No module named no_such_program" in missing.last_lines()


def test_who_was_asked_to_end_while_a_program_was_loaded_still_hears_of_the_others(
    tmp_path: pathlib.Path, programs: ForkedPrograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(1)\n")
    one = started(programs, tmp_path, "one", "wait")
    with monkeypatch.context() as patch:
        patch.setattr(interruption, "_asked", [signal.SIGINT])
        with pytest.raises(KeyboardInterrupt):
            started(programs, tmp_path, "slow", module="slow")
    assert one.running()
    one.stop()
    assert one.exit_status() == -signal.SIGTERM


def test_a_program_is_killed_alone_and_all_end_with_the_process_that_loads_them_after_which_the_next_starts_another(
    tmp_path: pathlib.Path, programs: ForkedPrograms
) -> None:
    one, other = started(programs, tmp_path, "one", "wait"), started(programs, tmp_path, "other", "wait")
    one.kill()
    assert (one.exit_status(), other.running()) == (-signal.SIGKILL, True)
    first = programs.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert ended(other) == -signal.SIGKILL
    assert ended(started(programs, tmp_path, "again", "0")) == 0
    assert programs.pid != first
