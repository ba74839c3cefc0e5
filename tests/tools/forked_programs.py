"""Runs the programs of Weir as forks of one process that has loaded all of them, where what is tested is not how they load."""

import os
import pathlib
import sys
import tempfile

from deploy.machine.forked_programs import ForkedPrograms
from deploy.machine.processes import Launch, Program, launch

SERVER = pathlib.Path(__file__).with_name("fork_server.py")
PROJECT = SERVER.parents[2]
API = str(SERVER.with_name("api_trying_inline.py"))
"""A process of the API without one beside it that tries definitions."""


class ForkServer:
    """Starts programs within milliseconds; the first of them begins it, in the seconds that each would take otherwise."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        log, environment = pathlib.Path(self._folder.name, "forks.log"), os.environ | {"PYTHONPATH": str(PROJECT)}
        self._programs = ForkedPrograms([sys.executable, "-P", str(SERVER)], environment, log, PROJECT, is_bound=False)

    @property
    def pid(self) -> int | None:
        return self._programs.pid

    def launch(self, how: Launch) -> Program:
        """Starts a program: as a fork where it is one of Python, else as `launch` does."""
        return self._programs.launch(how) if how.command[0] == sys.executable else launch(how)

    def close(self) -> None:
        """Ends the server, and with it every fork that still runs."""
        self._programs.close()
        self._folder.cleanup()


class SharedForks:
    """What a solo system starts its programs with, where others use the server too."""

    def __init__(self, server: ForkServer) -> None:
        self.launch = server.launch
        self._server = server

    @property
    def pid(self) -> int | None:
        return self._server.pid

    def close(self) -> None:
        """Does nothing: the server outlives each system."""
