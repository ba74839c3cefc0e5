"""How many connections a process takes follows from the descriptors that it may have open."""

import subprocess
import sys

import pytest

from api.descriptors import RESERVED, connections_for
from pipeline.control.child_process import SOURCES


@pytest.mark.parametrize(("descriptors", "connections"), [(65_536, 4_000), (4_512, 4_000), (1_024, 1_024 - RESERVED), (100, 1)])
def test_some_descriptors_are_left_for_files_and_a_lower_bound_is_said(
    descriptors: int, connections: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert connections_for(descriptors, 4_000) == connections
    assert bool(caplog.records) == (connections < 4_000)


@pytest.mark.parametrize(("soft", "hard", "limit"), [(256, 4_096, 4_096), (256, 256, 256)])
def test_a_process_raises_its_limit_as_far_as_it_may(soft: int, hard: int, limit: int) -> None:
    program = (
        "import resource; from api.descriptors import raise_limit;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=SOURCES, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(limit), str(limit), str(hard)]
