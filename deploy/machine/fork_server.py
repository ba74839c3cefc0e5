"""``python -m deploy.machine.fork_server DESCRIPTOR`` runs programs as forks of itself, so that they share the memory of what they load.

The descriptor is that of a connection. What comes is the `Launch` of a program, answered by its id, or such an id, answered by the exit
status of its program, None while it runs. Every program ends with this one, and this one when the other end is closed. A fork copies no
thread, so this process runs none; those of libraries in C know of forks.
"""

import atexit
import contextlib
import gc
import importlib
import multiprocessing
import multiprocessing.process
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from deploy.machine.processes import Launch

Command = Sequence[str]
WHILE_IMPORTING = 20_000, 100, 100
"""The thresholds of garbage collections: looking at all objects again and again takes a sixth of the time in which modules are imported."""


def load_module(command: Command) -> None:
    """Imports what the program ``-m MODULE`` imports; what is wrong with it, the fork says."""
    with contextlib.suppress(Exception):
        importlib.import_module(command[2])
    sys.modules.pop(command[2], None)  # it is run as the main module, which has not been imported then


def run_module(arguments: list[str]) -> None:
    """Does what the interpreter would do with ``-m MODULE`` and further arguments."""
    del arguments[0]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def serve(connection: Connection, load: Callable[[Command], None], run: Callable[[list[str]], None]) -> None:
    """Answers until the other end is closed.

    Args:
        load: imports what the program of a command imports, for all forks that do.
        run: does in a fork what the interpreter would do with its arguments, which are `sys.argv`.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*WHILE_IMPORTING)
    forks: dict[int, multiprocessing.process.BaseProcess] = {}
    with contextlib.suppress(EOFError):
        while True:
            asked = connection.recv()
            if isinstance(asked, int):
                connection.send(forks[asked].exitcode if asked in forks else -signal.SIGKILL)  # one of another process that has ended
                continue
            load(asked.command)
            assert threading.active_count() == 1, "a fork copies no thread, and none may hold a lock"
            gc.collect()
            gc.freeze()  # a collection in a fork would write to each object, and so copy its page
            gc.set_threshold(*usual)
            fork = multiprocessing.get_context("fork").Process(target=_become, args=(asked, os.getpid(), run))
            fork.start()
            gc.set_threshold(*WHILE_IMPORTING)
            pid = fork.pid or 0
            with contextlib.suppress(PermissionError, ProcessLookupError):  # it has done so itself
                os.setpgid(pid, pid)  # before anybody can send a signal to its group
            forks[pid] = fork
            connection.send(pid)


def _become(how: Launch, parent: int, run: Callable[[list[str]], None]) -> None:
    """Makes this process what `how` says, as far as another program would not have it from its start, and runs it."""
    how.bind(parent)
    with how.log.open("ab") as log, open(os.devnull) as nothing:
        for ours, its in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(ours.fileno(), its)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(how.environment)
    os.chdir(how.folder or ".")
    sys.argv = list(how.command[1:])
    try:
        run(sys.argv)
    finally:
        atexit._run_exitfuncs()  # a fork ends without them, and without what libraries in C++ do with threads that it does not have


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), load_module, run_module)
    os._exit(0)  # the kernel ends the forks that are left
