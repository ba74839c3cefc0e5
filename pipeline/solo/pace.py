"""When the engine takes its next batch: at once while little comes, and at even times while so much comes that batches save CPU."""

import math
import time
from collections.abc import Callable

SECONDS = 0.002
"""How far apart batches begin while much comes: it is what an answer is later by, at most. A batch of one record costs most of what one of
four costs, and what the engine does not use is there for those who wait for the interpreter and for a core."""
RECORDS_MIN = 3.0
"""Only where so many records come in `SECONDS`: fewer save little, and the few callers that wait for each other's answers lose time."""
MEMORY_SECONDS = 0.05
IDLE_SHARE, IDLE_SECONDS_MIN, IDLE_SECONDS_MAX = 0.25, 0.05, 1.0
ENOUGH_RECORDS = 64
"""Where so many records wait already, a larger batch saves little."""


class Pace:
    """Says how long to wait for more records.

    Args:
        clock: seconds, of which only differences count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent = 0.0
        """Records that were taken, each counted for less the longer it is ago."""
        self._taken_at = self._came_at = self._clock()

    def taken(self, records: int) -> None:
        """Notes a batch that begins now."""
        now = self._clock()
        self._recent = self._recent * math.exp((self._taken_at - now) / MEMORY_SECONDS) + records
        self._taken_at = self._came_at = now

    def came(self) -> None:
        """Notes that something came which waits for no batch, such as records of another process."""
        self._came_at = self._clock()

    @property
    def idle_seconds(self) -> float:
        """How long to wait for the next batch, where none is there: a share of how long nothing has come, within bounds."""
        return min(max(IDLE_SECONDS_MIN, IDLE_SHARE * (self._clock() - self._came_at)), IDLE_SECONDS_MAX)

    def seconds_left(self, waiting: int) -> float:
        """How long to wait before the next batch, in seconds; 0 for not at all.

        Args:
            waiting: how many records wait.
        """
        if waiting >= ENOUGH_RECORDS or self._recent * SECONDS < RECORDS_MIN * MEMORY_SECONDS:
            return 0.0
        return max(0.0, SECONDS - (self._clock() - self._taken_at))
