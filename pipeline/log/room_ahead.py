"""Blocks of the disk are taken for a file before something is written there.

Without them a file system takes blocks while it writes through to the disk what was appended, and who appends meanwhile has to wait.
"""

import contextlib
import ctypes
import os

STEP_BYTES = 4 << 20
LEAST_BYTES = 1 << 20
_KEEP_SIZE = 1
"""The file does not become longer: whoever reads it finds its end as before."""
_fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
if _fallocate is not None:
    _fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class RoomAhead:
    """Takes room ahead of the end of one file that grows. Where the system or the disk gives none, the file grows without it."""

    def __init__(self) -> None:
        self._reserved = 0

    def begin(self) -> None:
        """Goes on with a new file."""
        self._reserved = 0

    def is_short(self, size: int) -> bool:
        """Whether a file of `size` bytes is near the end of its room."""
        return self._reserved - size < LEAST_BYTES

    def reserve(self, file: int, size: int) -> None:
        """Takes room for the open `file` of `size` bytes, if it is near the end of its room."""
        if _fallocate is None or not self.is_short(size):
            return
        first = max(self._reserved, size)
        _fallocate(file, _KEEP_SIZE, first, STEP_BYTES)  # a full disk is said where something is written
        self._reserved = first + STEP_BYTES


def give_back(file: int, size: int) -> None:
    """Gives back the room behind the end of the open `file`, which has `size` bytes and grows no more."""
    with contextlib.suppress(OSError):
        os.ftruncate(file, size)
