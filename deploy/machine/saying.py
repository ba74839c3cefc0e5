"""What a running system says of itself may find no reader: a terminal that is gone, a pipe that nobody reads, a full disk."""

import contextlib
import io
import select
import sys
from collections.abc import Callable

import click

LINE_BYTES_MAX = 4_000
"""A pipe that takes anything takes this much at once; what is longer is cut."""

Say = Callable[[str], None]


def never_failing(say: Say) -> Say:
    """Gives a `say` that drops a line that cannot be written, since the system goes on without it."""

    def say_or_ignore(line: str) -> None:
        with contextlib.suppress(OSError):
            say(line)

    return say_or_ignore


class StandardOutput:
    """Says lines on the standard output, and never waits for a reader: a line for which there is no room is dropped."""

    def __init__(self) -> None:
        self._dropped = 0

    def say(self, text: str) -> None:
        """Writes the lines of a text.

        Raises:
            OSError: they cannot be written.
        """
        for line in text.splitlines() or [""]:
            if self._dropped and has_room():
                click.echo(f"{self._dropped} lines are lacking here, because nobody read them in time")
                self._dropped = 0
            if has_room():
                click.echo(line.encode()[:LINE_BYTES_MAX].decode(errors="ignore"))
            else:
                self._dropped += 1


def has_room() -> bool:
    """Whether the standard output takes `LINE_BYTES_MAX` bytes at once. Where that cannot be known it does, as into a file."""
    try:
        output = sys.stdout.fileno()
    except (io.UnsupportedOperation, ValueError, AttributeError):  # a test reads it, or there is none
        return True
    poll = select.poll()
    poll.register(output, select.POLLOUT)
    return bool(poll.poll(0))
