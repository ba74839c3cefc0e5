"""The clock by which what is kept grows old."""

import contextlib
import pathlib
import threading
import time
from collections.abc import Callable

PACE = 10
"""By how much faster than the machine's running time it may follow the clock."""
NOTE_MS = 60_000


class AgeClock:
    """Follows the machine's clock, so that one which is set forward and then back removes little that should have stayed.

    It goes on from where it was, never back, and ahead at most ten times as fast as time passes while the process runs. So a clock that is
    a year ahead for an hour makes things ten hours older. After a machine was off for a month, things go up to three days later than
    they might.

    Args:
        path: of the file that remembers it; where that is missing it begins with the clock.
        clock: seconds since the epoch, which may jump.
        monotonic: seconds of a clock that goes on with the process and never jumps.
    """

    def __init__(self, path: pathlib.Path, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        noted = _noted(path)
        self._at_ms = clock() * 1000 if noted is None else noted
        self._looked_at = monotonic()
        self._noted_ms = noted
        self._one = threading.Lock()

    def now_ms(self) -> int:
        """Returns ms since the epoch. Any thread may call it."""
        with self._one:
            looked_at = self._monotonic()
            reached_ms = self._at_ms + PACE * (looked_at - self._looked_at) * 1000
            self._looked_at = looked_at
            self._at_ms = max(self._at_ms, min(self._clock() * 1000, reached_ms))
            if self._noted_ms is None or self._at_ms >= self._noted_ms + NOTE_MS:
                self._note()
            return int(self._at_ms)

    def _note(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: it is noted a minute of its time later
            self._noted_ms = int(self._at_ms)
            written = self._path.with_name(f"{self._path.name}.new")
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(f"{self._noted_ms}\n")
            written.replace(self._path)


def _noted(path: pathlib.Path) -> int | None:
    """What the file says; None if there is none that can be read."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None
