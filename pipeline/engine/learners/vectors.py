"""Feature vectors of past events, oldest first, while their labels may still come."""

import numpy as np
from numpy.typing import NDArray

WAITING = -1
"""The label of a vector that was taught neither as positive nor as negative so far."""
SET_ASIDE = -2
"""The label of a vector that is not to be taught as negative, though nobody says more of it: its outcome is not known."""
UNLABELLED = 0
"""The standing of an event without a label: every label stands above it."""


class Vectors:
    """Queues vectors in one growing matrix, and finds each by its event's key (see `pipeline.engine.event_keys`).

    An event costs about 0.2 µs in and out.

    Args:
        inputs: how many numbers a vector has.
    """

    def __init__(self, inputs: int) -> None:
        self._matrix = np.empty((1_024, inputs))
        self._keys = np.empty(1_024, np.int64)
        self._times_ms = np.empty(1_024, np.int64)
        self._taught = np.empty(1_024, np.int8)
        self._standings = np.empty(1_024, np.int64)
        self._row_of: dict[int, int] = {}
        self._first = 0  # number of the oldest; rows keep their numbers when the matrix is moved
        self._moved = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    def add(self, keys: NDArray[np.int64], times_ms: NDArray[np.int64], vectors: NDArray[np.float64]) -> None:
        """Adds vectors of events; a time before the newest one that is held counts as that one."""
        count = len(keys)
        self._make_room(count)
        place = slice(self._end - self._moved, self._end - self._moved + count)
        self._matrix[place], self._keys[place], self._taught[place], self._standings[place] = vectors, keys, WAITING, UNLABELLED
        newest = self._times_ms[place.start - 1] if len(self) else np.int64(0)
        self._times_ms[place] = np.maximum(np.maximum.accumulate(times_ms), newest) if count else times_ms
        self._row_of.update(zip(keys.tolist(), range(self._end, self._end + count), strict=True))
        self._end += count

    def rows_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the number of each event's row, or -1 where it is not held."""
        return np.array([self._row_of.get(key, -1) for key in keys.tolist()], np.int64)

    def taught_of(self, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        """Returns the label that each row was last taught with, or `WAITING`."""
        return self._taught[rows - self._moved]

    def standings_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The standing of the label that each row was last taught with, or `UNLABELLED`."""
        return self._standings[rows - self._moved]

    def teach(self, rows: NDArray[np.int64], labels: NDArray[np.int8] | int, standings: NDArray[np.int64] | int = UNLABELLED) -> None:
        """Notes that rows are taught with `labels`, and how these stand."""
        self._taught[rows - self._moved] = labels
        self._standings[rows - self._moved] = standings

    def waiting_until(self, time_ms: int, first: int) -> tuple[NDArray[np.int64], int]:
        """Returns the rows from `first` on that wait, of events at or before `time_ms`, and the number after the last row looked at."""
        start = max(first, self._first) - self._moved
        end = int(np.searchsorted(self._times_ms[: self._end - self._moved], time_ms, side="right"))
        rows = np.flatnonzero(self._taught[start : max(start, end)] == WAITING) + start
        return rows + self._moved, max(start, end) + self._moved

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns the vectors [n, inputs] of the rows."""
        return self._matrix[rows - self._moved]

    def put(self, rows: NDArray[np.int64], column: int, values: NDArray[np.float64]) -> None:
        """Replaces one number of each row's vector."""
        self._matrix[rows - self._moved, column] = values

    def times_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the event times of the rows, in ms."""
        return self._times_ms[rows - self._moved]

    def drop(self, before_ms: int, keep_max: int) -> None:
        """Forgets events before `before_ms` (exclusive), and the oldest ones beyond `keep_max`."""
        start = self._first - self._moved
        old = int(np.searchsorted(self._times_ms[start : self._end - self._moved], before_ms, side="left"))
        count = max(old, len(self) - keep_max)
        for key, row in zip(self._keys[start : start + count].tolist(), range(self._first, self._first + count), strict=True):
            if self._row_of.get(key) == row:
                del self._row_of[key]
        self._first += max(count, 0)

    def _make_room(self, count: int) -> None:
        used, held = self._end - self._moved, len(self)
        if used + count <= len(self._keys):
            return
        size = max(1_024, 2 * (held + count))
        place = slice(self._first - self._moved, used)
        for name in ("_matrix", "_keys", "_times_ms", "_taught", "_standings"):
            old = getattr(self, name)
            grown = np.empty((size, *old.shape[1:]), old.dtype)
            grown[:held] = old[place]
            setattr(self, name, grown)
        self._moved = self._first
