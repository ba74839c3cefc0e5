"""Runs a job as a program of its own: it writes a log to standard error, and a signal ends it."""

import logging
import signal
import sys
from collections.abc import Callable
from typing import Protocol

from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings


class Job(Protocol):
    """A job that runs until it is told to stop."""

    def run(self) -> None:
        """Returns once `stop` was called and the work in progress is done."""
        ...

    def stop(self) -> None:
        """Makes `run` return; it may be called from a signal handler."""
        ...


def write_log() -> None:
    """Makes this program write its log lines, from INFO on, to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def run_job(make: Callable[[Settings], Job]) -> None:
    """Makes a job from the settings of the environment and runs it until SIGTERM or SIGINT.

    Ends the process with status 2 and a message if a setting is refused, or what the job needs.
    """
    write_log()
    try:
        _run(make(read_settings()))
    except Refusal as refusal:
        print(f"weir: {refusal}", file=sys.stderr)
        sys.exit(2)


def _run(job: Job) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: job.stop())
    job.run()
