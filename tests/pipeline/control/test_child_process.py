"""A child process gives way from its first moment, and never less than its parent does."""

import os
import subprocess
import sys

import pytest

from pipeline.control.child_process import SOURCES

PROGRAM = """
import os
from pipeline.control.child_process import Child
child = Child("this", 10)  # a module that only prints
print(os.getpriority(os.PRIO_PROCESS, child.pid))
print(child.end(60))
"""


@pytest.mark.parametrize(("of_parent", "expected"), [(0, 10), (15, 15)])
def test_a_child_gives_way_from_its_start_and_at_least_as_much_as_its_parent(of_parent: int, expected: int) -> None:
    more = max(0, of_parent - os.nice(0))  # the tests themselves may have a lower priority
    command = ["nice", "-n", str(more), sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=True, timeout=120)
    lines = run.stdout.splitlines()
    assert lines[0] == str(max(expected, os.nice(0)))
    assert lines[-1] == "ended with status 0"
