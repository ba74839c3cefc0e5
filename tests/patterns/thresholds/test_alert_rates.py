"""The share of events above a learned threshold is the share that was declared, whoever the entity is."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson
from value_streams import DAY_MS, Stream, stream

from patterns.thresholds.cells import LEVELS
from patterns.thresholds.entity_level import CELL, SEEN, THRESHOLD, WIDTH, Bounds, look_and_learn
from patterns.thresholds.tail_learner import TailLearner
from patterns.thresholds.tail_table import NOTHING_KNOWN

pytestmark = pytest.mark.slow

RATE = 1 / 1_000
HOUR_MS = 3_600_000
BOUNDS = Bounds(30.0 * DAY_MS, -np.inf, np.inf)


def served(events: Stream, entities: int, rate: float = RATE) -> NDArray[np.float64]:
    """What was known at each event, with a table that is fitted anew every hour."""
    learner, table = TailLearner(rate, BOUNDS), NOTHING_KNOWN
    words = np.zeros((entities, WIDTH))
    seen = np.empty((len(events.values), SEEN))
    edges = (np.flatnonzero(np.diff(events.times_ms // HOUR_MS)) + 1).tolist()
    for start, end in zip([0, *edges], [*edges, len(seen)], strict=True):
        part = Stream(*(column[start:end] for column in events))
        rows = table.rows_of(part.cohorts)
        seen[start:end] = look_and_learn(words, part.entities, part.values, part.times_ms, rows, table, BOUNDS)
        learner.see(part.cohorts, part.values, seen[start:end])
        table = learner.fit() or table
    return seen


def check_rates(hits: NDArray[np.bool_], groups: NDArray[np.int64], rate: float) -> None:
    """Within 20 % of the target where at least 200 alerts are to be expected, elsewhere inside the 99 % interval of Poisson."""
    for group in np.unique(groups).tolist():
        inside = groups == group
        expected, got = inside.sum() * rate, int(hits[inside].sum())
        low, high = (0.8 * expected, 1.2 * expected) if expected >= 200 else poisson.interval(0.99, expected)
        assert low <= got <= high, (group, expected, got)


@pytest.mark.quality
@pytest.mark.parametrize("drifts", [False, True])
@pytest.mark.parametrize("tail", ["normal", "t4", "lognormal"])
def test_one_in_a_thousand_is_alerted_in_every_cohort_band_and_level(tail: str, drifts: bool) -> None:
    check_stream(stream(1_000_000, 20_000, tail, drifts))


def test_one_in_a_hundred_is_alerted_in_every_cohort_band_and_level() -> None:
    check_stream(stream(300_000, 6_000, "t4", drifts=True), 1 / 100)


def check_stream(events: Stream, rate: float = RATE) -> None:
    """Overall within 10 % of the target, and in each group as `check_rates` says."""
    seen = served(events, 20_000, rate)
    known = ~np.isnan(seen[:, THRESHOLD])
    hits = (events.values > seen[:, THRESHOLD])[known]
    cells = seen[known, CELL].astype(np.int64)
    assert known.mean() > 0.95
    assert 0.9 < hits.mean() / rate < 1.1
    check_rates(hits, events.cohorts[known], rate)
    check_rates(hits, cells // LEVELS, rate)
    check_rates(hits, cells % LEVELS, rate)


def test_the_own_far_quantile_of_each_entity_would_give_many_times_the_target() -> None:
    """The reason for all this: an entity's own few values say nothing of a rare one."""
    events = stream(200_000, 4_000, "normal", drifts=False)
    hits = 0
    greatest = np.full(4_000, -np.inf)
    for entity, value in zip(events.entities.tolist(), events.values.tolist(), strict=True):
        hits += value > greatest[entity]
        greatest[entity] = max(greatest[entity], value)
    assert hits / len(events.values) > 20 * RATE
