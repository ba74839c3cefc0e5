"""Starts processes on this machine, each in a process group of its own, waits for them, and stops them by their ids."""

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
from typing import NamedTuple, NoReturn, Protocol

from deploy.machine import interruption
from deploy.machine.log_files import set_aside
from deploy.machine.private_files import UMASK
from foundation.refusal import Refusal

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_NICENESS = 10
_COMMAND_LENGTH_MAX = 500  # a class path of Java alone has tens of thousands of characters
_libc = ctypes.CDLL(None)


class Launch(NamedTuple):
    """Says how a program is started.

    Args:
        command: the program and its arguments.
        environment: its whole environment.
        log: the file to which it appends.
        folder: the working directory; None is that of this process.
        bind: is called in the new process with the id of its parent before it becomes the program.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: pathlib.Path
    folder: pathlib.Path | None
    bind: Callable[[int], None]


class Program(Protocol):
    """What is known of a program that was started; the same as of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def returncode(self) -> int | None:
        """The exit status as of the newest `poll` or `wait`, negative for a signal; None while the program runs."""

    def poll(self) -> int | None:
        """Looks whether it has ended, and gives `returncode`."""

    def wait(self) -> int:
        """Blocks until it has ended."""


def launch(how: Launch) -> Program:
    """Starts a program in a process of its own."""
    with how.log.open("ab") as log:
        return subprocess.Popen(
            how.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=how.environment,
            cwd=how.folder,
            preexec_fn=functools.partial(how.bind, os.getpid()),
        )


class Process:
    """One running program with a log file.

    The kernel kills it when the thread that started it ends, so that it does not outlive a killed parent. So start it from a thread that
    lives as long as it should run.

    Args:
        name: its name in messages, and that of its log file.
        command: the program and its arguments.
        environment: its whole environment.
        logs: the folder of the log file ``<name>.log``, to which it appends; `log_files` bounds its size.
        folder: the working directory.
        background: whether it has a low priority, because nobody waits for what it does.
        timer_slack_us: by how many µs the kernel may delay the wake-up of its threads; None is the kernel's default, 50.
        prepare: is called in the new process before it becomes the program.
        stop_signal: the signal that asks it to end.
        start: starts it; None is `launch`.
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
        start: Callable[[Launch], Program] | None = None,
    ) -> None:
        self.name = name
        self._stop_signal = stop_signal
        self.command = list(command)
        self.log = logs / f"{name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        set_aside(self.log)
        bind = functools.partial(bind_to, background, timer_slack_us, prepare)
        self._program = (start or launch)(Launch(self.command, dict(environment), self.log, folder, bind))

    @property
    def pid(self) -> int:
        return self._program.pid

    def running(self) -> bool:
        return self._program.poll() is None

    def exit_status(self) -> int | None:
        """The exit status; None while the process runs."""
        return self._program.poll()

    def wait_until(self, ready: Callable[[], bool], seconds_max: float, what: str) -> None:
        """Returns as soon as `ready()` is true, which is checked every 0.1 s; `what` says in messages what is waited for.

        Raises:
            Refusal: the process ended, or `seconds_max` passed; the refusal has the last lines of its log.
            KeyboardInterrupt: the program was asked to end.
        """
        deadline = time.monotonic() + seconds_max
        while not ready():
            interruption.check()
            if not self.running():
                self._fail("ended while it was starting", what, f"exit status {self._program.returncode}")
            if time.monotonic() > deadline:
                self._fail("is not ready in time", f"{what} within {seconds_max:g} s", "none")
            time.sleep(0.1)

    def wait_for_end(self, seconds_max: float) -> None:
        """Returns once the process has ended with status 0.

        Raises:
            Refusal: it ended with another status, or not within `seconds_max`.
        """
        deadline = time.monotonic() + seconds_max
        while self.running():
            interruption.check()
            if time.monotonic() > deadline:
                self._fail("has not ended in time", f"its end within {seconds_max:g} s", "a process that still runs")
            time.sleep(0.05)
        if self._program.returncode:
            self._fail("failed", "exit status 0", f"exit status {self._program.returncode}")

    def stop(self, seconds_max: float = 10.0) -> None:
        """Asks the process to end and kills its group after `seconds_max`; does nothing if it has ended already."""
        self.ask_to_stop()
        deadline = time.monotonic() + seconds_max
        while self.running() and time.monotonic() < deadline and not interruption.asked_twice():
            time.sleep(0.05)
        self.kill()

    def ask_to_stop(self) -> None:
        """Sends `stop_signal` and does not wait."""
        if self.running():
            _signal_group(self.pid, self._stop_signal)

    def kill(self) -> None:
        """Kills its process group at once and waits for its end."""
        _signal_group(self.pid, signal.SIGKILL)
        self._program.wait()

    def last_lines(self, count: int = 15) -> str:
        """The last lines of its log."""
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
            remedy=f"the last lines of its log:\n{lines}\nthe command was: {' '.join(self.command)[:_COMMAND_LENGTH_MAX]}",
        )


class Processes:
    """Processes that belong together; at the end of a ``with`` block they are stopped in the opposite order of their start."""

    def __init__(self) -> None:
        self.all: list[Process] = []

    def add(self, process: Process) -> Process:
        """Adds `process`, which is stopped with the others from now on, and gives it back."""
        self.all.append(process)
        return process

    def dead(self) -> list[Process]:
        """The processes that have ended by themselves."""
        return [process for process in self.all if not process.running()]

    def forget(self, process: Process) -> None:
        """Removes `process`, which has ended already."""
        self.all.remove(process)

    def stop(self) -> None:
        """Stops all processes, the newest first; after a second Ctrl-C the rest are killed at once."""
        while self.all:
            self.all[-1].stop()
            self.all.pop()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def bind_to(background: bool, timer_slack_us: int | None, prepare: Callable[[], None] | None, parent: int) -> None:
    """Makes this process, which `parent` has begun, what `Process` says of these arguments; it ends with the thread that began it."""
    # The process gets its own group, so that it can be killed with its children, but stays in its parent's session: Linux divides CPU time
    # between sessions first, so priorities would have no effect between processes in different sessions.
    os.setpgid(0, 0)
    os.umask(UMASK)
    if background:
        os.nice(_NICENESS)
    if timer_slack_us is not None:
        _libc.prctl(_PR_SET_TIMERSLACK, timer_slack_us * 1000)
    if prepare is not None:  # before the next: the kernel forgets that when a process changes its user
        prepare()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before prctl was called, so the kernel will send no signal
        os._exit(1)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
