"""Runs programs in processes of their own that need not import anew what all of them use."""

import subprocess
import sys
import textwrap
from typing import IO, cast

import msgspec

_SERVE = """
import io, os, sys, traceback
import msgspec

def run(program, environment):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(write, 1), os.dup2(write, 2), os.environ.update(environment)
        status = 1
        try:
            exec(program, {"__name__": "__main__"})
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush(), os._exit(status)
    os.close(write)
    said = open(read).read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said

for line in sys.stdin.buffer:
    sys.stdout.buffer.write(msgspec.json.encode(run(*msgspec.json.decode(line))) + b"\\n")
    sys.stdout.flush()
"""


class ForkedPython:
    """A Python that has imported something, and forks for each program, which then costs what it does itself.

    Use it where a program must begin without anything that this process has loaded, compiled or remembered, and where what it imports is
    not what is tested.

    Args:
        preparation: statements that run once, before the first program; imports above all.
    """

    def __init__(self, preparation: str) -> None:
        program = textwrap.dedent(preparation) + _SERVE
        self._server = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, program: str, environment: dict[str, str]) -> str:
        """Returns what `program` prints, on either stream.

        Args:
            program: statements; what the preparation has imported is in ``sys.modules``.
            environment: variables beside, or instead of, those of this process.
        """
        cast(IO[bytes], self._server.stdin).write(msgspec.json.encode((program, environment)) + b"\n")
        cast(IO[bytes], self._server.stdin).flush()
        status, said = msgspec.json.decode(cast(IO[bytes], self._server.stdout).readline(), type=tuple[int, str])
        assert status == 0, said
        return said

    def close(self) -> None:
        """Ends the server of forks."""
        self._server.communicate()
