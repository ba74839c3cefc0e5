"""Compiles the kernels in one process, because stages that all compile at once on a new machine would not be ready in time."""

import pathlib
import sys
from collections.abc import Mapping

from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process

COMPILE_SECONDS_MAX = 600.0
_CODE = "from pipeline.trial.trial_budget import warm_up; warm_up()"


def start_compiling(environment: Mapping[str, str], logs: pathlib.Path) -> Process:
    """Starts a process that ends once all kernels are in the cache that `environment` names; at once if they are there already."""
    return Process("kernels", [sys.executable, "-c", _CODE], environment, logs, PROJECT)


def compile_ahead(environment: Mapping[str, str], logs: pathlib.Path) -> None:
    """Compiles all kernels.

    Raises:
        Refusal: they do not compile, or not within `COMPILE_SECONDS_MAX`.
    """
    compilation = start_compiling(environment, logs)
    try:
        compilation.wait_for_end(COMPILE_SECONDS_MAX)
    finally:
        compilation.kill()
