"""A child process gives way from its first moment, never less than its parent does, and ends with it."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from pipeline.control.child_process import SOURCES

PROGRAM = """
import os
from pipeline.control.child_process import Child
child = Child("this", 10)  # a module that only prints
print(os.getpriority(os.PRIO_PROCESS, child.pid))
print(child.end(60))
"""

PARENT = """
import time
from pipeline.control.child_process import Child
child = Child("child_of_a_test", 10)
child.connection.recv_bytes()
print(child.pid, flush=True)
time.sleep(1_000)
"""
CHILD = """
import sys
import time
from pipeline.control.child_process import parent_of_this
parent_of_this(*sys.argv[1:]).send_bytes(b"ready")
time.sleep(1_000)
"""


@pytest.mark.parametrize(("of_parent", "expected"), [(0, 10), (15, 15)])
def test_a_child_gives_way_from_its_start_and_at_least_as_much_as_its_parent(of_parent: int, expected: int) -> None:
    more = max(0, of_parent - os.nice(0))  # the tests themselves may have a lower priority
    command = ["nice", "-n", str(more), sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=True, timeout=120)
    lines = run.stdout.splitlines()
    assert lines[0] == str(max(expected, os.nice(0)))
    assert lines[-1] == "ended with status 0"


def test_a_child_ends_when_its_parent_is_killed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "child_of_a_test.py").write_text(CHILD)
    environment = os.environ | {"PYTHONPATH": f"{SOURCES}:{tmp_path}"}
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=SOURCES, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    status = pathlib.Path(f"/proc/{pid}/stat")
    while status.exists() and " Z " not in status.read_text():
        time.sleep(0.01)
