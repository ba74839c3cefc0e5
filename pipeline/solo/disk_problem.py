"""Why the logs of the engine cannot be written, for as long as that is so."""

import os
import pathlib
import time

CLEAR_SECONDS = 1.0
ROOM_BYTES = 1 << 20


class DiskProblem:
    """Remembers the last problem of the disk until a write succeeds, or until there is room again.

    Args:
        folder: in which the logs are.

    Attributes:
        text: why a log could not be written; '' while it can be.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.text = ""
        self._folder = folder
        self._failed_at = 0.0

    def note(self, error: OSError) -> None:
        """Remembers that a write failed now."""
        self.text = f"the log cannot be written: {error.strerror}"
        self._failed_at = time.monotonic()

    def clear(self) -> None:
        """Forgets the problem."""
        self.text = ""

    def look_again(self) -> None:
        """Forgets the problem once the disk would take records: callers may wait for that to be said before they send any."""
        if self.text and time.monotonic() - self._failed_at >= CLEAR_SECONDS and self._has_room():
            self.clear()

    def _has_room(self) -> bool:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize >= ROOM_BYTES
