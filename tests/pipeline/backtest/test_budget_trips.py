"""Trips of a budget are those of a count that looks at every match."""

import numpy as np
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.language.pattern import Budget
from pipeline.backtest.budget_trips import BudgetCounter


def trips_of(times: list[int], budget: Budget) -> tuple[int, int, int] | None:
    """The number of trips, the time of the first, and the matches after it, match by match."""
    spent: list[int] = []
    found: list[int] = []
    for at, time in enumerate(times):
        spent = [each for each in spent if each > time - budget.per_ms] + [time]
        if len(spent) > budget.matches:
            found.append(at)
            spent = []
    return (len(found), times[found[0]], len(times) - 1 - found[0]) if found else None


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 5), st.integers(1, 12), st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=examples(200), deadline=None)
def test_trips_do_not_depend_on_how_matches_come_in_batches(steps: list[int], matches: int, per_ms: int, cuts: list[int]) -> None:
    times = np.cumsum(np.array(steps, np.int64) // 8)
    budget = Budget(matches, per_ms)
    counter = BudgetCounter(budget)
    for part in np.split(times, sorted(min(cut, len(times)) for cut in cuts)):
        counter.add(part)
    found = counter.trips()
    assert (None if found is None else (found.trips, found.first_at, found.matches_from_then_on)) == trips_of(times.tolist(), budget)


def test_a_match_at_the_very_length_of_the_window_before_does_not_count() -> None:
    counter = BudgetCounter(Budget(1, 1_000))
    counter.add(np.array([0, 1_000]))
    assert counter.trips() is None
    counter.add(np.array([1_999]))
    found = counter.trips()
    assert found is not None
    assert (found.trips, found.first_at) == (1, 1_999)
