"""Counts how often the matches of a rule would have gone beyond its budget."""

import numpy as np

from foundation.number_arrays import Int64s
from patterns.language.pattern import Budget
from pipeline.backtest.figures import BudgetTrips


class BudgetCounter:
    """Takes the matches of one rule in the order of their events; it holds the times of as many matches as are within the budget.

    Args:
        budget: of the rule.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._latest = np.zeros(0, np.int64)
        self._trips = self._after = self._first_at = 0

    def add(self, times_ms: Int64s) -> None:
        """Takes in matches at events with these times."""
        self._after += len(times_ms) if self._trips else 0
        times = np.concatenate([self._latest, times_ms])
        within, begin = self._budget.matches, 0
        while (tripped := self._next_trip(times, begin)) is not None:
            if not self._trips:
                self._first_at = int(times[tripped])
                self._after = len(times) - 1 - tripped
            self._trips += 1
            begin = tripped + 1
        self._latest = times[begin:][-within:]

    def trips(self) -> BudgetTrips | None:
        """Returns what was counted; None where the budget was always enough."""
        return BudgetTrips(self._trips, self._first_at, self._after) if self._trips else None

    def _next_trip(self, times: Int64s, begin: int) -> int | None:
        """Returns the place of the first match from `begin` on that has as many before it within the window as the budget allows."""
        own, allowed = times[begin:], self._budget.matches
        if len(own) <= allowed:
            return None
        beyond = np.flatnonzero(own[allowed:] - own[:-allowed] < self._budget.per_ms)
        return begin + allowed + int(beyond[0]) if len(beyond) else None
