"""Ctrl-C, TERM and a closed terminal, noted by the handler and acted on where it is safe.

An exception raised from a signal handler can come up inside a hook of fork or of a destructor, where Python swallows it; the
program would go on as if nobody had asked. So the handler only counts, and each wait looks.
"""

import signal
from types import FrameType

_asked: list[int] = []


def listen() -> None:
    """From now on signals are noted. Only the main thread may call this."""
    _asked.clear()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _note)


def check() -> None:
    """To be called in every wait.

    Raises:
        KeyboardInterrupt: somebody asked the program to end.
    """
    if _asked:
        raise KeyboardInterrupt


def asked_twice() -> bool:
    """True when somebody does not want to wait for a clean end."""
    return len(_asked) > 1


def _note(number: int, frame: FrameType | None) -> None:
    _asked.append(number)
