"""A program that has loaded all of Weir and runs its programs as forks of itself: ``fork_server.py DESCRIPTOR``.

The descriptor is that of a connection. What comes is the `Launch` of a program, answered by its id, or such an id, answered by the exit
status of its program, None while it runs. Every program ends with this one, and this one when the other end is closed; it is not bound
to its parent as programs are, because the kernel would end it with the thread that began it, which may be that of one test.
"""

import ast
import atexit
import contextlib
import gc
import importlib
import multiprocessing
import multiprocessing.process
import os
import runpy
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection

from deploy.local.solo_stack import LEAN
from deploy.machine.processes import Launch
from pipeline.trial.trial_budget import warm_up


def load(command: Sequence[str]) -> None:
    """Imports what the program of a command imports, for all forks that do; what is wrong with it, a fork says."""
    with contextlib.suppress(Exception):
        if command[1] == "-m":
            importlib.import_module(next(each for each in command[2:] if each != LEAN))
        elif command[1] == "-c":
            imports = [each for each in ast.parse(command[2]).body if isinstance(each, (ast.Import, ast.ImportFrom))]
            exec(compile(ast.Module(imports, []), "imports", "exec"), {})
        else:
            runpy.run_path(command[1], run_name="loaded")
    assert threading.active_count() == 1, "a fork copies no thread, and none may hold a lock"


def serve(connection: Connection) -> None:
    """Answers until the other end is closed."""
    forks: dict[int | None, multiprocessing.process.BaseProcess] = {}
    with contextlib.suppress(EOFError):
        while True:
            asked = connection.recv()
            if isinstance(asked, int):
                connection.send(forks[asked].exitcode)
                continue
            load(asked.command)
            fork = multiprocessing.get_context("fork").Process(target=run, args=(asked, os.getpid()))
            fork.start()
            with contextlib.suppress(PermissionError, ProcessLookupError):  # it has done so itself
                os.setpgid(fork.pid, fork.pid)  # before anybody can send a signal to its group
            forks[fork.pid] = fork
            connection.send(fork.pid)


def become(how: Launch, parent: int) -> None:
    """Makes this process what `how` says, as far as another program would not have it from its start."""
    how.bind(parent)
    with how.log.open("ab") as log, open(os.devnull) as nothing:
        for ours, its in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(ours.fileno(), its)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    os.environ.clear()
    os.environ.update(how.environment)
    os.chdir(how.folder or ".")
    sys.argv = list(how.command[1:])


def run(how: Launch, parent: int) -> None:
    """Does what the interpreter would do with the arguments of the command, in a fork."""
    become(how, parent)
    try:
        if sys.argv[0] == "-c":
            exec(sys.argv[1], {"__name__": "__main__"})
        elif sys.argv[0] == "-m":
            del sys.argv[0]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # a fork ends without them, and without what libraries in C++ do with threads that it does not have


if __name__ == "__main__":
    warm_up()
    gc.collect()
    gc.freeze()
    serve(Connection(int(sys.argv[1])))
    os._exit(0)  # the kernel ends the forks that are left
