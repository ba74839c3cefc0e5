"""Runs a solo system as two processes of this machine: the API with the engine inside, and the side jobs. It needs no Java.

Both are forks of one process that loads what they need, and share its memory.
"""

import functools
import os
import pathlib
import sys
import time

from deploy.machine.answers import answers
from deploy.machine.bytecode import bytecode_environment
from deploy.machine.forked_programs import ForkedPrograms
from deploy.machine.jars import PROJECT
from deploy.machine.patience import Patience
from deploy.machine.ports import require_free
from deploy.machine.private_files import make_private_folder
from deploy.machine.processes import Process, Processes
from deploy.machine.restarting import start_again
from deploy.machine.saying import Say, never_failing
from deploy.machine.short_slices import ask_for_short_slices
from deploy.machine.system_settings import note_runtime
from foundation.settings import Settings, settings_as_environment
from pipeline.log.log_folder import INPUT, LOGS
from pipeline.log.writer import require_unused

READY_SECONDS_MAX = 600.0
"""The first start on a machine compiles the kernels, which takes minutes where the machine is busy."""
MODULES = {"api": "deploy.local.solo_api", "side-jobs": "deploy.local.solo_side_jobs"}
"""The processes, with the modules that run them."""
LEAN = "deploy.machine.lean"
"""What runs the process that they are forks of, without libraries that none of them uses."""
HURRIED = ("api",)
"""The processes for which somebody waits."""


class SoloStack:
    """Starts the processes, restarts those that end, and stops them.

    Use it from the main thread, because its processes end with the thread that started them.

    Args:
        settings: the settings, whose runtime is ``solo``.
        config: the configuration folder to put in force before the first event.
        say: is called with a message for each step. It may fail without any effect on the system.
        replace: whether it replaces a release that is in force already.
    """

    def __init__(self, settings: Settings, config: pathlib.Path, say: Say = lambda line: None, replace: bool = True) -> None:
        self.settings = settings
        self.logs = settings.path("logs")
        self._config = config.absolute()
        self._replace = replace
        self._say = never_failing(say)
        self._processes = Processes()
        self._programs = self._forked()
        self._patience = Patience()

    def start(self) -> None:
        """Starts everything and returns when the API is ready.

        Raises:
            Refusal: another system runs in the folder, or a process does not come up; then those that were started are stopped again.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def keep_running(self) -> list[str]:
        """Restarts processes that have ended by themselves and gives their names; call it about once a second."""
        restarted = []
        for process in self._processes.dead():
            start = functools.partial(self._python, process.name)
            if self._patience.may_try(process.name) and start_again(self._processes, process, start, self._patience, self._say):
                restarted.append(process.name)
        return restarted

    def stop(self) -> None:
        """Stops every process; does nothing if none runs."""
        self._processes.stop()
        self._programs.close()

    def process(self, name: str) -> Process:
        """The running process `name`, such as ``api``."""
        return next(process for process in self._processes.all if process.name == name)

    @property
    def pid(self) -> int | None:
        """The id of the process that all others are forks of; None while none runs."""
        return self._programs.pid

    def environment(self) -> dict[str, str]:
        """The environment of the processes of this system."""
        return os.environ | settings_as_environment(self.settings) | bytecode_environment() | {"PYTHONUNBUFFERED": "1"}

    def __enter__(self) -> "SoloStack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        settings, began = self.settings, time.monotonic()
        make_private_folder(settings.path())
        require_unused(settings.path(*LOGS, INPUT))
        note_runtime(settings)
        require_free(settings.api_port, "the HTTP API", settings.api_host)
        api = self._processes.add(self._python("api", self._replace))
        address = settings.api_address()
        api.wait_until(lambda: answers(address, "/health"), READY_SECONDS_MAX, f"an answer at {address}")
        for name in MODULES:
            if name not in HURRIED:  # these begin later, because they load what the API has compiled
                self._processes.add(self._python(name))
        api.wait_until(lambda: answers(address, "/ready"), READY_SECONDS_MAX, "a ready system")
        self._say(f"everything is up ({time.monotonic() - began:.1f} s)")

    def _forked(self) -> ForkedPrograms:
        command = [sys.executable, "-m", LEAN, "deploy.machine.fork_server"]
        return ForkedPrograms(command, self.environment(), self.logs / "programs.log", PROJECT)

    def _python(self, name: str, replace: bool = False) -> Process:
        arguments = ["--config", str(self._config), *(["--replace"] if replace else [])] if name == "api" else []
        command = [sys.executable, "-m", MODULES[name], *arguments]
        hurried = name in HURRIED
        prepare = ask_for_short_slices if hurried else None
        return Process(
            name, command, self.environment(), self.logs, PROJECT, background=not hurried, prepare=prepare, start=self._programs.launch
        )
