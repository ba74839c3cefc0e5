"""A program that has loaded all of Weir and runs its programs as forks of itself: ``fork_server.py DESCRIPTOR``.

It is not bound to its parent as programs are, because the kernel would end it with the thread that began it, which may be that of one test.
"""

import ast
import contextlib
import os
import runpy
import sys
from multiprocessing.connection import Connection

from deploy.machine.fork_server import Command, load_module, run_module, serve
from pipeline.trial.trial_budget import warm_up


def load(command: Command) -> None:
    """Imports what the program of a command imports; what is wrong with it, a fork says."""
    if command[1] == "-m":
        load_module(command)
        return
    with contextlib.suppress(Exception):
        if command[1] == "-c":
            imports = [each for each in ast.parse(command[2]).body if isinstance(each, (ast.Import, ast.ImportFrom))]
            exec(compile(ast.Module(imports, []), "imports", "exec"), {})
        else:
            runpy.run_path(command[1], run_name="loaded")


def run(arguments: list[str]) -> None:
    """Does what the interpreter would do with these arguments."""
    if arguments[0] == "-m":
        run_module(arguments)
    elif arguments[0] == "-c":
        exec(arguments[1], {"__name__": "__main__"})
    else:
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    warm_up()
    serve(Connection(int(sys.argv[1])), load, run)
    os._exit(0)  # the kernel ends the forks that are left
