"""Where batches of a replay end so that an event is decided before a label says what becomes of what it taught."""

import numpy as np
from numpy.typing import NDArray


class LessonCuts:
    """Knows for each label the batch's end that it asks for: behind its event, and before the first event that may see it.

    Args:
        times_ms: [events] the time up to which the history has come with each event, ascending.
        rows: [labels] the row of each label's event; below 0 where it has none.
        label_times_ms: [labels]
    """

    def __init__(self, times_ms: NDArray[np.int64], rows: NDArray[np.int64], label_times_ms: NDArray[np.int64]) -> None:
        known = np.flatnonzero(rows >= 0)
        order = known[np.argsort(rows[known], kind="stable")]
        self._rows = rows[order]
        self._ends = np.maximum(np.searchsorted(times_ms, label_times_ms[order], side="left"), self._rows + 1)

    def end_of(self, first: int, end: int) -> int:
        """Returns where a batch that begins with the row `first` ends, at most at `end` and at least behind its first row."""
        start, stop = np.searchsorted(self._rows, (first, end))
        return int(min(self._ends[start:stop].min(initial=end), end))
