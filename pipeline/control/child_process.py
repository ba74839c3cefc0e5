"""A child process that does costly work beside its parent: it gives way to others, has a bound on memory, and ends with its parent.

The parent starts it as `Child`. The program of the child calls `parent_of_this` first, and `bound_memory` once it has loaded what
it needs.
"""

import contextlib
import ctypes
import multiprocessing
import os
import pathlib
import resource
import signal
import subprocess
import sys
from multiprocessing.connection import Connection

SOURCES = pathlib.Path(__file__).parents[2]
MIB = 1 << 20
_PR_SET_PDEATHSIG = 1


class Child:
    """A process that runs a module of this project, and a connection to it.

    The kernel kills it when the thread that started it ends.

    Args:
        module: the module, whose arguments are the descriptor of the connection, the parent's process id, and `numbers`.
        niceness: its niceness from its first moment on, for loading what it needs is costly too; the parent's, if that is greater.
    """

    def __init__(self, module: str, niceness: int, *numbers: int) -> None:
        self.connection, other = multiprocessing.Pipe()
        with other:
            command = [sys.executable, "-m", module, *map(str, (other.fileno(), os.getpid(), *numbers))]
            self._process = subprocess.Popen(command, cwd=SOURCES, stdin=subprocess.DEVNULL, pass_fds=[other.fileno()])
            # Only root may give another process a lower niceness than it has, which is that of this process.
            niceness = max(niceness, os.getpriority(os.PRIO_PROCESS, 0))
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)  # it is there, ended or not, until it is waited for

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask_to_stop(self) -> None:
        """Sends TERM and does not wait; does nothing if the process has ended."""
        self._process.terminate()

    def kill(self) -> None:
        """Kills the process and does not wait."""
        self._process.kill()

    def end(self, seconds_max: float) -> str:
        """Closes the connection, waits for the end of the process, kills it after `seconds_max`, and says how it ended."""
        self.connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds_max)
        self._process.kill()
        status = self._process.wait()
        return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def parent_of_this(descriptor: str, parent: str) -> Connection:
    """Called in the child with its first two arguments: makes it end with its parent, and gives the connection.

    Ctrl-C is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # the parent ended before prctl was called
        sys.exit(1)
    return Connection(int(descriptor))


def bound_memory(memory_mib: int) -> int:
    """Bounds the data of this process to what it has now and `memory_mib` more; beyond that it gets a `MemoryError`. Returns the bytes."""
    data_bytes_max = data_bytes() + memory_mib * MIB
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes_max, data_bytes_max))
    return data_bytes_max


def data_bytes() -> int:
    """The bytes of data of this process, as `RLIMIT_DATA` counts them."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1_024 for line in status if line.startswith("VmData:"))
