"""Threads inside Java's processes whose bursts would otherwise stand before the work that is waited for, and which give way to it.

Compilers take some 10 ms at a time, the copies of a checkpoint 100, the broker's cleaner 20.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterable

from deploy.processes import Process

ALL_FROM_THE_START = "-XX:-UseDynamicNumberOfCompilerThreads"
"""Java's flag without which compilers come and go, and new ones would not give way at once."""
QUICK_ONLY = "-XX:TieredStopAtLevel=1"
"""Java's flag for a program that is seldom busy: the first compiler's code will do, and the second never starts."""
_NICENESS = 19
_NAMES = ("C1 Compiler", "C2 Compiler", "AsyncOperations", "kafka-log-clean")
"""Of threads, as far as the kernel keeps a name: 15 bytes."""
_JAVA = "java"
"""The name of the program, and of a thread that it has not named yet."""


class Yielding:
    """Lowers the priority of such threads as they come; to be told of processes that are up, since a start waits for its compilers."""

    def __init__(self) -> None:
        self._seen: dict[int, set[str]] = {}

    def step(self, processes: Iterable[Process]) -> None:
        """Looks for threads that came since the last time, each second or so; 0.2 ms for 400 that did not.

        A process that has ended meanwhile, or is no Java, is left alone.
        """
        self._seen = {process.pid: self._looked_through(process.pid) for process in processes}

    def _looked_through(self, pid: int) -> set[str]:
        """Of the threads of `pid`, those that have a name, which decided about them."""
        tasks = pathlib.Path(f"/proc/{pid}/task")
        try:
            threads = set(os.listdir(tasks)) if (tasks / str(pid) / "comm").read_text() == f"{_JAVA}\n" else set()
        except OSError:
            return set()
        known = self._seen.get(pid, set()) & threads
        return known | {thread for thread in threads - known if _decided(tasks / thread)}


def _decided(thread: pathlib.Path) -> bool:
    with contextlib.suppress(OSError):  # it has ended
        name = (thread / "comm").read_text().rstrip("\n")
        if name.startswith(_NAMES):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), _NICENESS)
        return name != _JAVA
    return False
