"""`weir bench` runs the benchmarks of a source checkout, each in a process of its own."""

import pathlib
import subprocess
import sys
from collections.abc import Sequence

import click

from deploy.machine.jars import PROJECT
from foundation.refusal import Refusal

BENCHMARKS = PROJECT / "tests" / "benchmarks"


def run_benchmarks(names: Sequence[str]) -> int:
    """Runs ``tests/benchmarks/<name>.py`` for each of `names`, or all if there are none; gives the number of those that failed.

    Raises:
        Refusal: there is no source checkout, or no benchmark with one of the names.
    """
    there = {file.stem: file for file in sorted(BENCHMARKS.glob("*.py")) if _runs(file)}
    unknown = [name for name in names if name not in there]
    if unknown or not there:
        raise Refusal(
            "unknown benchmark",
            where=str(BENCHMARKS),
            expected=", ".join(there) or "the benchmarks of a source checkout",
            got=" ".join(unknown) or "none",
        )
    return sum(_run(there[name]) for name in names or there)


def _run(file: pathlib.Path) -> bool:
    click.echo(f"== {file.stem}")
    return subprocess.run([sys.executable, str(file)], cwd=PROJECT, check=False).returncode != 0


def _runs(file: pathlib.Path) -> bool:
    """Whether `file` is a program; modules that several benchmarks share are in the same folder and are not."""
    return "__main__" in file.read_text()
