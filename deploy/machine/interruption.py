"""Ctrl-C, TERM and a closed terminal: the signal handler only notes them, and the program acts on them where it is safe.

An exception that a signal handler raises may surface inside a fork hook or a destructor, where Python swallows it; then the program would
go on. So the handler only counts signals, and every wait calls `check`.
"""

import signal
from types import FrameType

_asked: list[int] = []


def listen() -> None:
    """Installs the signal handlers. Only the main thread may call this."""
    _asked.clear()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _note)


def check() -> None:
    """Raises if the program was asked to end; every loop that waits has to call it.

    Raises:
        KeyboardInterrupt: a signal was noted.
    """
    if _asked:
        raise KeyboardInterrupt


def asked_twice() -> bool:
    """Whether a second signal came, that is, whether the user does not want to wait for a clean end."""
    return len(_asked) > 1


def _note(number: int, frame: FrameType | None) -> None:
    _asked.append(number)
