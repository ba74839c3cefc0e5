"""Kernels compiled by one process: stages that compile side by side on a fresh machine would not be ready in time."""

import pathlib
import sys
from collections.abc import Mapping

from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process

COMPILE_SECONDS_MAX = 600.0
_CODE = "import pipeline.engine.scorer, features.profiles.warm_kernels; features.profiles.warm_kernels.compile_kernels()"


def start_compiling(environment: Mapping[str, str], logs: pathlib.Path) -> Process:
    """A process that ends once all kernels are compiled where processes of `environment` look for them: at once when they are."""
    return Process("kernels", [sys.executable, "-c", _CODE], environment, logs, PROJECT)


def compile_ahead(environment: Mapping[str, str], logs: pathlib.Path) -> None:
    """Returns once all kernels are compiled.

    Raises:
        Refusal: they do not compile, or not in time.
    """
    compilation = start_compiling(environment, logs)
    try:
        compilation.wait_for_end(COMPILE_SECONDS_MAX)
    finally:
        compilation.kill()
