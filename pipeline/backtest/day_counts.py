"""Counts events, matches and decisions that differ, day by day."""

import datetime

import numpy as np

from features.schema.schema import DAY_MS
from patterns.matches import Bools
from pipeline.backtest.figures import Day
from pipeline.backtest.seen_events import KINDS, SeenEvents, counts_of

_COLUMNS = 3


class DayCounts:
    """Counts by the day of the event time in UTC."""

    def __init__(self) -> None:
        self._days: dict[int, np.ndarray[tuple[int, int], np.dtype[np.int64]]] = {}

    def add(self, seen: SeenEvents, matched: Bools) -> None:
        """Takes in a batch; `matched` tells which events a rule of the candidate matched."""
        days = seen.batch.times_ms // DAY_MS
        flips = seen.counted & (seen.before.actions != seen.after.actions)
        for day in np.unique(days[seen.counted]).tolist():
            own = seen.counted & (days == day)
            counts = self._days.setdefault(day, np.zeros((_COLUMNS, len(KINDS)), np.int64))
            for at, which in enumerate((own, own & matched, own & flips)):
                counts[at] += np.bincount(seen.kinds[which], minlength=len(KINDS))

    def days(self) -> list[Day]:
        """Returns the days that have events, in their order."""
        return [Day(_name_of(day), *(counts_of(row) for row in self._days[day])) for day in sorted(self._days)]


def _name_of(day: int) -> str:
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
