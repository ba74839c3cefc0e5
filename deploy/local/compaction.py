"""Compaction of the archive's closed days, every hour, in a process of its own that gives way to the others."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.machine.jars import PROJECT
from deploy.machine.processes import Process

EVERY_SECONDS = 3_600.0


class Compaction:
    """Runs ``weir archive compact`` now and then; a run that fails is tried again at the next hour.

    Args:
        logs: where ``compaction.log`` goes.
        say: is told of a run that failed.
        clock: monotonic seconds.
    """

    def __init__(self, logs: Path, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._logs = logs
        self._say = say
        self._clock = clock
        self._next = clock() + EVERY_SECONDS
        self._run: Process | None = None

    def check(self, environment: Mapping[str, str]) -> None:
        """Starts a run when its hour has come and none is under way; to be called each second or so."""
        if self._run is not None:
            if self._run.running():
                return
            if self._run.exit_status():
                self._say(f"the archive was not compacted; trying again in an hour (its log: {self._run.log})")
            self._run = None
        if self._clock() >= self._next:
            self._next = self._clock() + EVERY_SECONDS
            command = [sys.executable, "-m", "deploy.command", "archive", "compact"]
            self._run = Process("compaction", command, environment, self._logs, PROJECT, background=True)

    def stop(self) -> None:
        """Ends a run that is under way, which harms nothing."""
        if self._run is not None:
            self._run.kill()
            self._run = None
