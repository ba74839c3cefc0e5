"""The processes of a solo system load no library that only other profiles need: each takes megabytes for as long as the system runs."""

import subprocess
import sys

import pytest

from deploy.local.solo_stack import MODULES
from deploy.machine.jars import PROJECT

OF_OTHER_PROFILES = ("acsylla", "cassandra", "cryptography", "jwt", "psycopg", "pyflink", "pandas", "alembic")


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES.keys())
def test_a_process_of_a_solo_system_loads_no_library_of_another_profile(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(set({OF_OTHER_PROFILES}) & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_process_that_watches_the_others_loads_no_engine() -> None:
    names = {"numba", "numpy", "pyarrow", "fastapi"}
    program = f"import sys, deploy.command, deploy.commands.serve; print(*sorted({names} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_arrays_and_event_metrics_are_made_without_pandas() -> None:
    program = "; ".join(
        [
            "import sys",
            "from deploy.machine.without_pandas import forgo_pandas",
            "forgo_pandas()",
            "import duckdb, pyarrow",
            "numbers = pyarrow.table({'n': pyarrow.array([1, 2])})",
            "print(duckdb.sql('select sum(n) from numbers').fetchall(), 'pandas' in sys.modules)",
        ]
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["[(3,)]", "False"]
