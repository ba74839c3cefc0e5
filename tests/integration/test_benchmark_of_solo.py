"""The benchmark of a solo system runs, and what it measures is answered."""

import json
import pathlib
import subprocess
import sys

import pytest

from deploy.machine.jars import PROJECT

pytestmark = pytest.mark.integration
BENCHMARK = pathlib.Path("tests", "benchmarks", "solo.py")


def test_the_benchmark_of_a_solo_system_has_each_event_decided_or_accepted() -> None:
    brief = ["--rate", "20", "--seconds", "1", "--runs", "1", "--batches", "2", "--idle-seconds", "0.1"]
    run = subprocess.run([sys.executable, str(BENCHMARK), *brief], cwd=PROJECT, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout[run.stdout.index("{") :])
    assert set(figures["outcomes"]) <= {"answered", "degraded", "fallback"}
    assert sum(figures["outcomes"].values()) == 20
    assert figures["accepted_outcomes"] == {"accepted": 2}
