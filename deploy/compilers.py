"""The compilers inside Java's processes, whose bursts of some 10 ms would otherwise stand before the work that is waited for."""

import contextlib
import os
import pathlib
from collections.abc import Iterable

from deploy.processes import Process

ALL_FROM_THE_START = "-XX:-UseDynamicNumberOfCompilerThreads"
"""Java's flag without which compilers come and go, and new ones would not give way."""
QUICK_ONLY = "-XX:TieredStopAtLevel=1"
"""Java's flag for a program that is seldom busy: the first compiler's code will do, and the second never starts."""
_NICENESS = 19


def let_compilers_give_way(processes: Iterable[Process]) -> None:
    """Lowers the priority of the compiling threads; to be called once a process is up, since its start waits for them.

    A process that has ended meanwhile, or is no Java, is left alone.
    """
    for process in processes:
        for thread in _threads(process.pid):
            with contextlib.suppress(OSError):
                if (thread / "comm").read_text().startswith(("C1 Compiler", "C2 Compiler")):
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), _NICENESS)


def _threads(pid: int) -> list[pathlib.Path]:
    try:
        return list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
