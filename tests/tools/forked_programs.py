"""Runs the programs of Weir as forks of one process that has loaded all of them, where what is tested is not how they load."""

import multiprocessing
import os
import pathlib
import subprocess
import sys
import threading
import time

from deploy.machine.processes import Launch, Program, launch

SERVER = pathlib.Path(__file__).with_name("fork_server.py")
PROJECT = SERVER.parents[2]
API = str(SERVER.with_name("api_trying_inline.py"))
"""A process of the API without one beside it that tries definitions."""


class Fork:
    """A program that runs as a fork, like `subprocess.Popen`."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._server.ask(self.pid)
        return self.returncode

    def wait(self) -> int:
        while (status := self.poll()) is None:
            time.sleep(0.01)
        return status


class ForkServer:
    """Starts programs within milliseconds; the first of them begins it, in the seconds that each would take otherwise."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self, how: Launch) -> Program:
        """Starts a program: as a fork where it is one of Python, else as `launch` does."""
        return Fork(self, self.ask(how)) if how.command[0] == sys.executable else launch(how)

    def ask(self, what: Launch | int) -> int | None:
        """Asks for a start, or for the exit status of a process; see `fork_server`."""
        with self._turn:
            if self._process is None:
                self._start()
            self._connection.send(what)
            return self._connection.recv()

    def close(self) -> None:
        """Ends the server, and with it every fork that still runs."""
        if self._process is not None:
            self._connection.close()
            self._process.wait()

    def _start(self) -> None:
        self._connection, other = multiprocessing.Pipe()
        with other:
            command = [sys.executable, "-P", str(SERVER), str(other.fileno())]
            environment = os.environ | {"PYTHONPATH": str(PROJECT)}
            self._process = subprocess.Popen(command, env=environment, cwd=PROJECT, pass_fds=[other.fileno()])
