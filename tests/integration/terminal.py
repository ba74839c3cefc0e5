"""Two terminals of a reader: one in which a program runs until Ctrl-C, and one in which commands are given in turn. For tests only."""

import os
import pathlib
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Self

_END = "the-command-has-ended"


class Foreground:
    """A command with a terminal of its own; what it writes is read while it is waited for.

    Args:
        command: one line of a shell.
        folder: the working directory.
        environment: its whole environment.
    """

    def __init__(self, command: str, folder: pathlib.Path, environment: Mapping[str, str]) -> None:
        self.said = ""
        self._has_ended = False
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "-c", f"exec {command}"], dict(environment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Kills it if it still runs, so that a test that fails leaves nothing behind."""
        if not self._has_ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def read_until(self, text: str, seconds_max: float) -> str:
        """What it has said up to and with `text`; fails if it ends before, or takes longer."""
        deadline = time.monotonic() + seconds_max
        while text not in self.said:
            assert self._read(deadline - time.monotonic()), f"no {text!r} in:\n{self.said}"
        return self.said

    def interrupt(self, seconds_max: float) -> int:
        """Presses Ctrl-C; gives the exit status."""
        os.write(self._terminal, b"\x03")
        deadline = time.monotonic() + seconds_max
        while self._read(deadline - time.monotonic()):
            pass
        os.close(self._terminal)
        self._has_ended = True
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, seconds_max: float) -> bool:
        """Reads once; whether there was something within the time."""
        if not select.select([self._terminal], [], [], max(seconds_max, 0))[0]:
            return False
        try:
            read = os.read(self._terminal, 65_536)
        except OSError:  # Linux says so that nobody writes any more
            return False
        self.said += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)


class Shell:
    """One shell that takes commands in turn, and keeps what they define.

    Args:
        folder: the working directory.
        environment: its whole environment.
    """

    def __init__(self, folder: pathlib.Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash"], cwd=folder, env=dict(environment), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def say(self, command: str) -> str:
        """What a command writes; it has to end with status 0."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\necho {_END} $?\n")
        self._bash.stdin.flush()
        said: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(_END):
                assert line.split() == [_END, "0"], (command, said)
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended in {command}: {said}")

    def close(self) -> None:
        """Ends the shell."""
        with self._bash:  # which closes what it reads and writes, and waits for it
            pass
