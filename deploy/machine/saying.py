"""What a running system says of itself may find no reader: a terminal that is gone, a pipe whose reader has ended, a full disk."""

import contextlib
from collections.abc import Callable

Say = Callable[[str], None]


def never_failing(say: Say) -> Say:
    """Gives a `say` that drops a line that cannot be written, since the system goes on without it."""

    def say_or_ignore(line: str) -> None:
        with contextlib.suppress(OSError):
            say(line)

    return say_or_ignore
