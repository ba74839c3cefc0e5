"""Threads inside Java's processes whose bursts would otherwise stand before the work that is waited for, and which give way to it.

Compilers take some 10 ms at a time, the copies of a checkpoint 100, the broker's cleaner 20.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterable

from deploy.machine.processes import Process

ALL_FROM_THE_START = "-XX:-UseDynamicNumberOfCompilerThreads"
"""Java's flag without which compilers come and go, and new ones would not give way at once."""
QUICK_ONLY = "-XX:TieredStopAtLevel=1"
"""Java's flag for a program that is seldom busy: the first compiler's code will do, and the second never starts."""
_NICENESS = 19
_NAMES = ("C1 Compiler", "C2 Compiler", "AsyncOperations", "kafka-log-clean")
"""Of threads, as far as the kernel keeps a name: 15 bytes."""
_JAVA = "java"
"""The name of the program."""
_LOOKS = 10
"""At each thread. One that has just begun bears the name of the thread that made it until it has written its own."""


class Yielding:
    """Lowers the priority of such threads as they come; to be told of processes that are up, since a start waits for its compilers."""

    def __init__(self) -> None:
        self._looks: dict[int, dict[str, int]] = {}

    def step(self, processes: Iterable[Process]) -> None:
        """Looks for threads that came since the last time, each second or so; 0.2 ms for 400 that did not.

        A process that has ended meanwhile, or is no Java, is left alone.
        """
        self._looks = {process.pid: self._looked_through(process.pid) for process in processes}

    def _looked_through(self, pid: int) -> dict[str, int]:
        """How often each thread of `pid` has been looked at."""
        tasks = pathlib.Path(f"/proc/{pid}/task")
        try:
            threads = os.listdir(tasks) if (tasks / str(pid) / "comm").read_text() == f"{_JAVA}\n" else []
        except OSError:
            return {}
        before = self._looks.get(pid, {})
        looks = {thread: before.get(thread, 0) for thread in threads}
        for thread in [thread for thread, count in looks.items() if count < _LOOKS]:
            looks[thread] += 1
            _look_at(tasks / thread)
        return looks


def _look_at(thread: pathlib.Path) -> None:
    with contextlib.suppress(OSError):  # it has ended
        if (thread / "comm").read_text().startswith(_NAMES):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), _NICENESS)
