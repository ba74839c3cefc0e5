"""A change is told once when it begins and once when it has ended, whatever its index does in between."""

import msgspec
import pytest

from pipeline.comparison.drift import REFERENCE_DAYS, Drift
from pipeline.comparison.drift_spans import END_SHARE, OPEN_MAX, DriftAlert, after_day, alerts_of
from pipeline.comparison.newest_drift import NewestDrift
from stores.drifts import OpenDrift

DAY_MS = 86_400_000
LIMIT = 0.2


def told_of(indices: list[float | None], subjects: frozenset[str] = frozenset({"x"})) -> list[tuple[int, bool]]:
    """The day and whether it was an end of each alert of a subject that has these indices day by day; None: too few events."""
    open: list[OpenDrift] = []
    told = []
    for day, index in enumerate(indices):
        drifts = () if index is None else (Drift("x", index, LIMIT, 300, 300, 1.0, 1.0),)
        after = after_day(open, NewestDrift(day * DAY_MS, 0, drifts, subjects))
        records = [msgspec.json.decode(alert.value, type=DriftAlert) for alert in alerts_of(open, after, 7)]
        told += [(day, record.is_over) for record in records]
        open = after
    return told


@pytest.mark.parametrize(
    ("indices", "told"),
    [
        ([0.0, 0.19, 0.2], []),
        ([0.0, 0.3, 0.3, 0.0], [(1, False), (3, True)]),
        ([0.21, 0.19, 0.21, 0.19, 0.21, 0.1, 0.19], [(0, False), (5, True)]),
        ([0.3, None, 0.3, None], [(0, False)]),
        ([0.3] * (REFERENCE_DAYS + 2), [(0, False), (REFERENCE_DAYS, True), (REFERENCE_DAYS + 1, False)]),
    ],
)
def test_a_change_begins_beyond_its_limit_and_ends_at_half_of_it(indices: list[float | None], told: list[tuple[int, bool]]) -> None:
    assert END_SHARE * LIMIT == 0.1
    assert told_of(indices) == told


def test_what_the_release_no_longer_has_drifts_no_more() -> None:
    open = [OpenDrift("model.old", 0, 0, 0.5, LIMIT)]
    assert after_day(open, NewestDrift(DAY_MS, 0, (), frozenset({"x"}))) == []


def test_at_most_so_much_is_followed_that_which_changed_most_first() -> None:
    drifts = tuple(Drift(f"x{at}", 9.0, LIMIT, 300, 300, 1.0, 1.0) for at in range(OPEN_MAX + 5))
    followed = after_day([], NewestDrift(DAY_MS, 0, drifts, frozenset(drift.subject for drift in drifts)))
    assert [each.subject for each in followed] == [drift.subject for drift in drifts[:OPEN_MAX]]
