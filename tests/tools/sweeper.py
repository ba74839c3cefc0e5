"""Lets go what tests have left behind in the process that runs them."""

import gc
import mmap
import pathlib

GROWN_BYTES_MAX = 300_000_000
"""By so much a run may grow before all of it is looked at, also what the code under test has frozen: that takes half a second."""


class Sweeper:
    """Collects garbage, and with it what was frozen meanwhile once the process has grown by much.

    Frozen objects are not counted: Python would look at each of them, half a million, to say how many there are.
    """

    def __init__(self) -> None:
        self._grown_from = _resident_bytes()

    def sweep(self) -> None:
        gc.collect()
        if _resident_bytes() - self._grown_from > GROWN_BYTES_MAX:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._grown_from = _resident_bytes()


def _resident_bytes() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
