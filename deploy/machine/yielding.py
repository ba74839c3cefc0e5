"""Lowers the priority of background threads inside Java processes, so that their bursts do not delay decisions.

A compiler thread runs for about 10 ms at a time, the copy of a checkpoint for 100, the broker's log cleaner for 20.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterable

from deploy.machine.processes import Process

ALL_FROM_THE_START = "-XX:-UseDynamicNumberOfCompilerThreads"
"""With this flag Java starts all compiler threads at once; otherwise new ones come later and would have the normal priority for a while."""
QUICK_ONLY = "-XX:TieredStopAtLevel=1"
"""With this flag Java uses only its first compiler, whose code is fast enough for a program that is seldom busy."""
_NICENESS = 19
_SECOND_COMPILER = "C2 Compiler"
_NAMES = ("C1 Compiler", _SECOND_COMPILER, "AsyncOperations", "kafka-log-clean")
"""The names of these threads, of which the kernel keeps the first 15 bytes."""
_JAVA = "java"
"""The name of the program."""
_LOOKS = 10
"""Each thread's name is read so often, because a new thread has the name of the thread that made it until it sets its own."""


class Yielding:
    """Lowers the priority of these threads in processes that are up; a process that is starting needs its compiler threads."""

    def __init__(self) -> None:
        self._looks: dict[int, dict[str, int]] = {}

    def step(self, processes: Iterable[Process]) -> None:
        """Looks for new threads of `processes`; call it about once a second. With 400 known threads and no new one it takes 0.2 ms.

        A process that has ended, or is not Java, is left alone.
        """
        self._looks = {process.pid: self._looked_through(process.pid) for process in processes}

    def _looked_through(self, pid: int) -> dict[str, int]:
        """Looks at the new threads of `pid`; gives how often each thread has been looked at."""
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


def hold_back_second_compiler(processes: Iterable[Process]) -> None:
    """Lowers the priority of Java's second compiler in `processes`, which may still be starting.

    What it compiles pays back after minutes, and at a start of the whole system it takes a sixth of all CPU.
    """
    for process in processes:
        with contextlib.suppress(OSError):  # the process has ended
            for thread in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
                _look_at(thread, (_SECOND_COMPILER,))


def _look_at(thread: pathlib.Path, names: tuple[str, ...] = _NAMES) -> None:
    with contextlib.suppress(OSError):  # the thread has ended
        if (thread / "comm").read_text().startswith(names):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), _NICENESS)
