"""The processes of a solo system load no library that only other profiles need: each takes megabytes for as long as the system runs."""

import os
import pathlib
import subprocess
import sys

import pytest

from deploy.local.solo_stack import LEAN, MODULES
from deploy.machine.bytecode import bytecode_environment
from deploy.machine.jars import PROJECT

pytestmark = pytest.mark.slow

OF_OTHER_PROFILES = ("acsylla", "cassandra", "cryptography", "jwt", "psycopg", "pyflink", "pandas", "alembic")
OF_OTHER_RELEASES = ("detectors.keyed.spot", "detectors.regression.crossed_kernels", "detectors.boosted.tree_kernels")
"""Some of the detectors, whose kernels are loaded with them, that no release asks for which has none of their models."""


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES.keys())
def test_a_process_of_a_solo_system_loads_no_library_of_another_profile_and_no_detector_of_another_release(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{*{OF_OTHER_PROFILES}, *{OF_OTHER_RELEASES}}} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_process_that_watches_the_others_loads_no_engine() -> None:
    names = {"numba", "numpy", "pyarrow", "fastapi"}
    program = f"import sys, deploy.command, deploy.commands.serve; print(*sorted({names} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_arrays_event_metrics_and_kernels_are_made_without_pandas_and_scipy(tmp_path: pathlib.Path) -> None:
    program = """
import duckdb, numba, pyarrow, sys
numbers = pyarrow.table({'n': pyarrow.array([1, 2])})
print(duckdb.sql('select sum(n) from numbers').fetchall(), numba.njit(lambda x: x + 1)(1), {'pandas', 'scipy'} & sys.modules.keys())
"""
    (tmp_path / "program.py").write_text(program)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", LEAN, "program"]
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[(3,)] 2 set()"


def test_bytecode_is_kept_in_the_users_cache_where_it_may_not_stand_beside_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert bytecode_environment() == {}
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert bytecode_environment() == {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": "/cache/weir/bytecode"}
