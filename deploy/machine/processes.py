"""Processes of this machine, each in a group of its own: started, waited for, and stopped by their ids."""

import collections
import contextlib
import ctypes
import functools
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import NoReturn

from deploy.machine import interruption
from deploy.machine.log_files import set_aside
from deploy.machine.private_files import UMASK
from foundation.refusal import Refusal

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_NICENESS = 10
_libc = ctypes.CDLL(None)


class Process:
    """One running program with a log file.

    It is killed by the kernel when the thread that started it ends, so that nothing outlives a killed parent: start it from a
    thread that stays.

    Args:
        name: in messages, and of the log file.
        command: program and arguments.
        environment: its whole environment.
        logs: folder of the log file ``<name>.log``, which is appended to; see `log_files` for its end.
        folder: working directory.
        background: gives way to the others where cores are short: nobody waits for what it does.
        timer_slack_us: how much later than asked the kernel may wake its threads from a sleep; None: as it does by itself, 50.
        prepare: called in the new process before it becomes the program.
        stop_signal: asks it to end.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        logs: pathlib.Path,
        folder: pathlib.Path | None = None,
        background: bool = False,
        timer_slack_us: int | None = None,
        prepare: Callable[[], None] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self._stop_signal = stop_signal
        self.command = list(command)
        self.log = logs / f"{name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        set_aside(self.log)
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                cwd=folder,
                preexec_fn=functools.partial(_bind_to, os.getpid(), background, timer_slack_us, prepare),
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def wait_until(self, ready: Callable[[], bool], seconds_max: float, what: str) -> None:
        """Returns as soon as `ready()` holds; asked every 0.1 s.

        Raises:
            Refusal: the process ended, or `seconds_max` passed; with the last lines of its log.
            KeyboardInterrupt: somebody asked the program to end.
        """
        deadline = time.monotonic() + seconds_max
        while not ready():
            interruption.check()
            if not self.running():
                self._fail("ended while starting", what, f"exit status {self._popen.returncode}")
            if time.monotonic() > deadline:
                self._fail("not ready in time", f"{what} within {seconds_max:g} s", "none")
            time.sleep(0.1)

    def wait_for_end(self, seconds_max: float) -> None:
        """Returns once it has ended with status 0.

        Raises:
            Refusal: it ended otherwise, or not in time.
        """
        deadline = time.monotonic() + seconds_max
        while self.running():
            interruption.check()
            if time.monotonic() > deadline:
                self._fail("not done in time", f"its end within {seconds_max:g} s", "none")
            time.sleep(0.05)
        if self._popen.returncode:
            self._fail("failed", "exit status 0", f"exit status {self._popen.returncode}")

    def stop(self, seconds_max: float = 10.0) -> None:
        """Asks it to end, and kills its whole group after `seconds_max`; no-op when it has ended."""
        self.ask_to_stop()
        deadline = time.monotonic() + seconds_max
        while self.running() and time.monotonic() < deadline and not interruption.asked_twice():
            time.sleep(0.05)
        self.kill()

    def ask_to_stop(self) -> None:
        """Sends TERM, or the signal that it was made with, without waiting."""
        if self.running():
            _signal_group(self.pid, self._stop_signal)

    def kill(self) -> None:
        """Kills its whole group at once and waits for the end."""
        _signal_group(self.pid, signal.SIGKILL)
        self._popen.wait()

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        with self.log.open(errors="replace") as log:
            return "".join(collections.deque(log, count))

    def _fail(self, what: str, expected: str, got: str) -> NoReturn:
        lines = self.last_lines().rstrip()
        self.kill()
        raise Refusal(
            f"{self.name} {what}",
            where=str(self.log),
            expected=expected,
            got=got,
            remedy=f"last lines of its log:\n{lines}\ncommand: {' '.join(self.command)}",
        )


class Processes:
    """Processes that belong together, stopped in the opposite order of their start when the block ends."""

    def __init__(self) -> None:
        self.all: list[Process] = []

    def add(self, process: Process) -> Process:
        """Takes over the stopping of `process` and gives it back."""
        self.all.append(process)
        return process

    def dead(self) -> list[Process]:
        """Those that have ended though nobody stopped them."""
        return [process for process in self.all if not process.running()]

    def forget(self, process: Process) -> None:
        """Gives up `process`, which somebody else has stopped."""
        self.all.remove(process)

    def stop(self) -> None:
        """Stops all, the newest first; a second Ctrl-C kills what is left at once."""
        while self.all:
            self.all[-1].stop()
            self.all.pop()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _bind_to(parent: int, background: bool, timer_slack_us: int | None, prepare: Callable[[], None] | None) -> None:
    # A group to be killed by, in the session of its parent: Linux shares cores out among sessions first, so that in sessions of their own
    # processes would not give way to each other's threads.
    os.setpgid(0, 0)
    os.umask(UMASK)
    if background:
        os.nice(_NICENESS)
    if timer_slack_us is not None:
        _libc.prctl(_PR_SET_TIMERSLACK, timer_slack_us * 1000)
    if prepare is not None:  # before the next: the kernel forgets that when a process changes its user
        prepare()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # killed before the kernel was told: no signal will come any more
        os._exit(1)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
