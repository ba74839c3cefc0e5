"""Compacts the ended days of the archive every hour, in a process of its own with a low priority."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process

EVERY_SECONDS = 3_600.0


class Compaction:
    """Runs ``weir archive compact`` every `EVERY_SECONDS`; a run that fails is repeated an hour later.

    Args:
        logs: the folder for ``compaction.log``.
        say: is called with a message when a run has failed.
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, logs: Path, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._logs = logs
        self._say = say
        self._clock = clock
        self._next = clock() + EVERY_SECONDS
        self._run: Process | None = None

    def check(self, environment: Mapping[str, str]) -> None:
        """Starts a run if it is time and none is running; call it about once a second."""
        if self._run is not None:
            if self._run.running():
                return
            if self._run.exit_status():
                self._say(f"the archive could not be compacted, and it is tried again in an hour (log: {self._run.log})")
            self._run = None
        if self._clock() >= self._next:
            self._next = self._clock() + EVERY_SECONDS
            command = [sys.executable, "-m", "deploy.command", "archive", "compact"]
            self._run = Process("compaction", command, environment, self._logs, PROJECT, background=True)

    def stop(self) -> None:
        """Kills a run that is in progress, which does no harm."""
        if self._run is not None:
            self._run.kill()
            self._run = None
