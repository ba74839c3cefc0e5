"""Starts programs as forks of one process that loads what they need once; see `fork_server`."""

import contextlib
import functools
import multiprocessing
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from deploy.machine import interruption
from deploy.machine.processes import Launch, Program, bind_to
from foundation.refusal import Refusal

LOOK_SECONDS = 0.1


class Fork:
    """A program that runs as a fork, like `subprocess.Popen`."""

    def __init__(self, pid: int, status_of: Callable[[int], int | None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status_of = status_of

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._status_of(self.pid)
        return self.returncode

    def wait(self) -> int:
        while (status := self.poll()) is None:
            time.sleep(0.01)
        return status


class ForkedPrograms:
    """Starts programs of Python; the first of them starts the process that they are forks of, and so does the next one after its end.

    The kernel ends that process with the thread that started it, and the programs with that process.

    Args:
        command: the interpreter with what runs `fork_server.serve`, without the descriptor.
        environment: that of the process.
        log: the file that gets what it says.
        folder: its working directory.
        is_bound: whether it ends with the thread that started it, and not only when `close` is called or this process ends.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: pathlib.Path, folder: pathlib.Path, is_bound: bool = True
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._folder = folder
        self._is_bound = is_bound
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._unheard = 0
        """How many answers nobody has waited for, because the program was asked to end meanwhile."""

    @property
    def pid(self) -> int | None:
        """The id of the process that programs are forks of; None while there is none."""
        return None if self._process is None else self._process.pid

    def launch(self, how: Launch) -> Program:
        """Starts a program, once what it imports is loaded.

        Raises:
            Refusal: the process that loads it has ended.
            KeyboardInterrupt: the program was asked to end.
        """
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._start()
            try:
                pid = self._ask(how)
            except (EOFError, OSError) as error:
                raise self._ended() from error
        assert pid is not None
        return Fork(pid, self._status_of)

    def close(self) -> None:
        """Ends the process, and with it every program that still runs."""
        if self._process is not None:
            self._connection.close()
            self._process.wait()

    def _status_of(self, pid: int) -> int | None:
        with self._turn:
            try:
                return self._ask(pid)
            except (EOFError, OSError):  # all programs have ended with their process
                return -signal.SIGKILL

    def _ask(self, what: Launch | int) -> int | None:
        while self._unheard:
            self._connection.recv()
            self._unheard -= 1
        self._connection.send(what)
        self._unheard = 1
        while isinstance(what, Launch) and not self._connection.poll(LOOK_SECONDS):
            interruption.check()
        answer: int | None = self._connection.recv()
        self._unheard = 0
        return answer

    def _start(self) -> None:
        self._unheard = 0
        self._connection, other = multiprocessing.Pipe()
        bind = functools.partial(bind_to, False, None, None, os.getpid()) if self._is_bound else None
        with other, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, str(other.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._folder,
                pass_fds=[other.fileno()],
                preexec_fn=bind,
            )

    def _ended(self) -> Refusal:
        assert self._process is not None
        with contextlib.suppress(OSError):
            self._connection.close()
        self._process.kill()
        status = self._process.wait()
        return Refusal(
            "the process that loads programs has ended",
            where=str(self._log),
            expected="programs as forks of it",
            got=f"exit status {status}",
            remedy="read the last lines of its log; the next start tries it again",
        )
