"""A bell that any thread rings, so that the one who waits for it looks again."""

import contextlib
import threading
from typing import Protocol


class Ringing(Protocol):
    """Whatever makes somebody look who waits."""

    def ring(self) -> None:
        """Is called in the thread that has found something; it must not wait."""
        ...


class Bell:
    """Remembers that it was rung until somebody has waited for it: what comes between a look and the wait after it is not missed.

    One thread waits. Any thread rings, and a signal handler may: an event of `threading` has a lock that a handler could wait for for ever.
    """

    def __init__(self) -> None:
        self._quiet = threading.Lock()
        self._quiet.acquire()

    def ring(self) -> None:
        """Ends the wait that goes on, or else the next one."""
        if self._quiet.locked():
            with contextlib.suppress(RuntimeError):  # somebody else has rung meanwhile
                self._quiet.release()

    def wait(self, seconds: float) -> None:
        """Returns once the bell is rung, at once if it was since the last call, or after `seconds`."""
        self._quiet.acquire(timeout=max(0.0, seconds))
