"""Compiles the kernels in two processes, because stages that all compile at once on a new machine would not be ready in time."""

import os
import pathlib
import sys
import tempfile
from collections.abc import Mapping

from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process

COMPILE_SECONDS_MAX = 600.0
_PARTS = {
    "kernels": "from features.profiles.warm_kernels import compile_kernels; compile_kernels(); "
    "from pipeline.trial.trial_budget import warm_up; warm_up()",
    "other-kernels": "import pipeline.trial.trial_budget; from detectors.catalogue import load_all; load_all()",
}
"""What each process runs. The kernels of features take as long as those of rules and detectors, which the second process compiles as it
imports them; the first one then loads these, and compiles what is left."""


def start_compiling(environment: Mapping[str, str], logs: pathlib.Path) -> list[Process]:
    """Starts processes that end once all kernels are in the cache that `environment` names; soon if they are there already."""
    return [Process(name, [sys.executable, "-c", code], environment, logs, PROJECT) for name, code in _PARTS.items()]


def compile_ahead(environment: Mapping[str, str], logs: pathlib.Path) -> None:
    """Compiles all kernels.

    Raises:
        Refusal: they do not compile, or not within `COMPILE_SECONDS_MAX`.
    """
    compilations = start_compiling(environment, logs)
    try:
        for each in compilations:
            each.wait_for_end(COMPILE_SECONDS_MAX)
    finally:
        for each in compilations:
            each.kill()


def compile_here() -> None:
    """Compiles all kernels as this process itself would: minutes the first time, seconds later.

    Raises:
        Refusal: what `compile_ahead` refuses.
    """
    with tempfile.TemporaryDirectory() as logs:
        compile_ahead(os.environ, pathlib.Path(logs))
