"""Processes are waited for, explained when they fail, and never left behind."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from deploy.machine.processes import Process, Processes
from deploy.machine.short_slices import SLICE_NS, ask_for_short_slices
from foundation.refusal import Refusal


def start(logs: pathlib.Path, program: str, name: str = "child") -> Process:
    return Process(name, [sys.executable, "-u", "-c", textwrap.dedent(program)], os.environ, logs)


def ended(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_for(condition: "object", seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_that_ends_while_starting_is_explained_by_its_log(tmp_path: pathlib.Path) -> None:
    process = start(tmp_path, "print('no such key: colour'); raise SystemExit(3)")
    with pytest.raises(Refusal) as refusal:
        process.wait_until(lambda: False, 10, "an answer")
    text = str(refusal.value)
    assert "child ended while it was starting" in text
    assert "exit status 3" in text
    assert "no such key: colour" in text
    assert str(tmp_path / "child.log") in text


def test_a_process_that_is_never_ready_is_killed_and_named(tmp_path: pathlib.Path) -> None:
    process = start(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(Refusal, match="child is not ready in time"):
        process.wait_until(lambda: False, 0.3, "an answer")
    assert ended(process.pid)


def test_stopping_kills_children_that_do_not_listen(tmp_path: pathlib.Path) -> None:
    program = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(child.pid)
        time.sleep(60)
    """
    process = start(tmp_path, program)
    wait_for(lambda: process.last_lines().strip().isdigit())
    grandchild = int(process.last_lines())
    process.stop(seconds_max=0.2)
    assert ended(process.pid)
    wait_for(lambda: ended(grandchild))


def test_processes_stop_in_the_opposite_order_of_their_start(tmp_path: pathlib.Path) -> None:
    program = """
        import signal, sys, time
        def say(*_):
            print("{name}", time.monotonic_ns(), file=open("{log}", "a")); sys.exit()
        signal.signal(signal.SIGTERM, say)
        print("up"); time.sleep(60)
    """
    order = tmp_path / "order"
    with Processes() as processes:
        for name in ("first", "second", "third"):
            process = processes.add(start(tmp_path, program.format(name=name, log=order), name))
            wait_for(lambda process=process: "up" in process.last_lines())
    assert [line.split()[0] for line in order.read_text().splitlines()] == ["third", "second", "first"]


def test_children_die_with_a_parent_that_is_killed(tmp_path: pathlib.Path) -> None:
    program = f"""
        import os, pathlib, sys, time
        from deploy.machine.processes import Process
        child = Process("child", ["sleep", "60"], os.environ, pathlib.Path({str(tmp_path)!r}))
        print(child.pid, flush=True); time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert not ended(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: ended(child))


def test_a_child_dies_with_a_parent_that_is_killed_while_it_starts_the_child(tmp_path: pathlib.Path) -> None:
    parent = """
        import os, pathlib, sys, time
        from deploy.machine import processes

        class Late:
            def prctl(self, *arguments):
                pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
                while os.getppid() == parent:
                    time.sleep(0.02)

        parent = os.getpid()
        processes._libc = Late()
        processes.Process("child", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, pathlib.Path(sys.argv[1]).parent)
    """
    told = tmp_path / "pid"
    started = subprocess.Popen([sys.executable, "-c", textwrap.dedent(parent), str(told)])
    wait_for(lambda: told.exists() and told.read_text())
    started.kill()
    started.wait()
    wait_for(lambda: ended(int(told.read_text())))


def test_a_process_that_ended_by_itself_is_found(tmp_path: pathlib.Path) -> None:
    with Processes() as processes:
        lasting = processes.add(start(tmp_path, "import time; time.sleep(60)", "lasting"))
        brief = processes.add(start(tmp_path, "pass", "brief"))
        wait_for(lambda: processes.dead() == [brief])
        assert lasting.running()


def test_a_process_that_does_its_work_and_fails_is_explained(tmp_path: pathlib.Path) -> None:
    start(tmp_path, "pass").wait_for_end(10)
    with pytest.raises(Refusal, match="no such disk"):
        start(tmp_path, "raise SystemExit('no such disk')").wait_for_end(10)


def test_a_process_in_the_background_gives_way_to_the_others(tmp_path: pathlib.Path) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    program = "import os; print(os.getpriority(os.PRIO_PROCESS, 0), os.getsid(0), os.getpgid(0) == os.getpid())"
    process = Process("child", [sys.executable, "-c", program], os.environ, tmp_path, background=True)
    process.wait_for_end(10)
    own, session, leads_its_group = process.last_lines().split()
    assert int(own) == min(before + 10, 19)
    assert int(session) == os.getsid(0)  # niceness counts inside a session alone
    assert leads_its_group == "True"


def test_a_process_may_be_woken_later_than_it_asks(tmp_path: pathlib.Path) -> None:
    program = "import pathlib; print(pathlib.Path('/proc/self/timerslack_ns').read_text())"
    process = Process("child", [sys.executable, "-c", program], os.environ, tmp_path, timer_slack_us=500)
    process.wait_for_end(10)
    assert int(process.last_lines()) == 500_000


def test_a_process_that_somebody_waits_for_has_short_turns_in_all_its_threads(tmp_path: pathlib.Path) -> None:
    program = """
import pathlib, threading
def say(): print([line.split()[-1] for line in pathlib.Path("/proc/thread-self/sched").read_text().splitlines() if "slice" in line])
thread = threading.Thread(target=say)
thread.start()
thread.join()
"""
    process = Process("child", [sys.executable, "-c", program], os.environ, tmp_path, prepare=ask_for_short_slices)
    process.wait_for_end(10)
    if process.last_lines().strip() in ("", "[]"):
        pytest.skip("this kernel does not say how long turns are")
    assert process.last_lines().strip() == f"['{SLICE_NS}']"
