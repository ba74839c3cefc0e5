"""Cohorts learn the tail of standardised values, go on from what they saved, and borrow where they know little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_streams import DAY_MS, Stream, stream

from detectors.arrays import pack_arrays, unpack_arrays
from patterns.thresholds.cells import CELLS, CUTS, LEVELS
from patterns.thresholds.entity_level import OWN_SPREAD, SEEN, WEIGHT, WIDTH, Bounds, look_and_learn
from patterns.thresholds.tail_histogram import BINS, bin_of, exceeded_by
from patterns.thresholds.tail_learner import COHORTS_MAX, SETTLED, TailLearner
from patterns.thresholds.tail_table import NOTHING_KNOWN, TailTable

BOUNDS = Bounds(30.0 * DAY_MS, -np.inf, np.inf)


def feed(learner: TailLearner, words: np.ndarray, events: Stream) -> None:
    """Serves the events by the learner's own table, in three parts with a fit after each."""
    for part in np.array_split(np.arange(len(events.values)), 3):
        own = Stream(*(column[part] for column in events))
        rows = learner.table.rows_of(own.cohorts)
        learner.see(own.cohorts, own.values, look_and_learn(words, own.entities, own.values, own.times_ms, rows, learner.table, BOUNDS))
        learner.fit()


def test_a_learner_that_goes_on_from_its_state_fits_the_same_tables() -> None:
    events = stream(30_000, 500, "normal", drifts=False)
    first, second = (Stream(*(column[part] for column in events)) for part in (slice(15_000), slice(15_000, None)))
    whole, words = TailLearner(0.01, BOUNDS), np.zeros((500, WIDTH))
    feed(whole, words, first)
    resumed, kept = TailLearner(0.01, BOUNDS), words.copy()
    resumed.resume({name: array.copy() for name, array in unpack_arrays(pack_arrays(whole.state())).items()})
    feed(whole, words, second)
    feed(resumed, kept, second)
    ours, theirs = whole.table.arrays(), resumed.table.arrays()
    assert not np.isnan(ours["quantiles"]).any()
    for name, array in ours.items():
        assert np.array_equal(array, theirs[name], equal_nan=True), name


def test_no_table_comes_before_enough_events_and_no_quantile_before_enough_alerts_are_to_be_expected() -> None:
    learner = TailLearner(1 / 1_000, BOUNDS)
    events = stream(SETTLED + 10, 100, "normal", drifts=False)
    seen = np.full((len(events.values), SEEN), np.nan)
    seen[:, WEIGHT] = 0.0
    seen[:, OWN_SPREAD] = 1.0
    learner.see(events.cohorts[:10], events.values[:10], seen[:10])
    assert learner.fit() is None
    learner.see(events.cohorts, events.values, seen)
    table = learner.fit()
    assert table is not None
    assert np.isnan(table.quantiles).all()
    assert np.isfinite(table.usual).all()


def test_no_table_comes_before_the_spreads_of_entities_are_known() -> None:
    learner = TailLearner(0.01, BOUNDS)
    events = stream(2_000, 2_000, "normal", drifts=False)
    seen = np.full((len(events.values), SEEN), np.nan)
    learner.see(events.cohorts, events.values, seen)
    assert not learner.is_due
    assert learner.fit() is None
    seen[:, OWN_SPREAD] = 5.0
    learner.see(events.cohorts[:199], events.values[:199], seen[:199])
    assert learner.fit() is None
    learner.see(events.cohorts[:1], events.values[:1], seen[:1])
    table = learner.fit()
    assert table is not None
    assert table.spread[0].tolist() == pytest.approx([5.0] * LEVELS)


def test_cohorts_beyond_the_bound_share_the_cells_of_all() -> None:
    learner = TailLearner(0.01, BOUNDS)
    keys = np.arange(1, COHORTS_MAX + 100)
    seen = np.full((len(keys), SEEN), np.nan)
    seen[:, OWN_SPREAD] = 1.0
    for _ in range(5):
        learner.see(keys, np.ones(len(keys)), seen)
    table = learner.fit()
    assert table is not None
    assert len(table.cohorts) == COHORTS_MAX
    assert table.rows_of(np.array([1, COHORTS_MAX, COHORTS_MAX + 1, 10**9])).tolist() == [1, COHORTS_MAX, 0, 0]


def test_a_value_that_stands_on_its_floor_says_nothing_about_the_rate() -> None:
    """Otherwise a floor, below which nothing alerts, would move the threshold behind it down for good."""
    bounds = Bounds(30.0 * DAY_MS, 1e6, np.inf)
    learner, words, events = TailLearner(0.01, bounds), np.zeros((500, WIDTH)), stream(60_000, 500, "normal", drifts=False)
    for part in np.array_split(np.arange(60_000), 60):
        own = Stream(*(column[part] for column in events))
        rows = learner.table.rows_of(own.cohorts)
        seen = look_and_learn(words, own.entities, own.values, own.times_ms, rows, learner.table, bounds)
        learner.see(own.cohorts, own.values, seen)
        learner.fit()
    assert learner.state()["correction"][0] == 1.0


@given(st.lists(st.floats(-20.0, 1_000.0), min_size=1, max_size=200), st.floats(0.1, 1.0))
def test_a_quantile_of_a_histogram_lies_within_a_bin_of_the_one_of_the_values(values: list[float], share: float) -> None:
    counts = np.zeros(BINS)
    for value in values:
        counts[bin_of(value)] += 1.0
    events = share * len(values)
    place = bin_of(exceeded_by(counts, events))
    order = sorted(values, reverse=True)
    exact = bin_of(order[min(int(np.ceil(events)), len(order)) - 1])
    assert abs(place - exact) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"cohorts": np.array([2, 1])},
        {"spread": np.full((3, LEVELS), -1.0)},
        {"cuts": np.zeros((3, CUTS)) - np.arange(CUTS)},
        {"usual": np.zeros(2)},
    ],
)
def test_arrays_that_no_table_gives_are_refused(wrong: dict[str, np.ndarray]) -> None:
    fine = {
        "cohorts": np.array([1, 2]),
        "usual": np.zeros(3),
        "spread": np.ones((3, LEVELS)),
        "cuts": np.zeros((3, CUTS)),
        "quantiles": np.zeros((3, CELLS)),
        "counts": np.zeros((3, CELLS)),
    }
    TailTable.from_arrays(fine)
    with pytest.raises(ValueError, match="expected"):
        TailTable.from_arrays(fine | wrong)


def test_a_cohort_that_is_not_known_has_the_row_of_all() -> None:
    assert NOTHING_KNOWN.rows_of(np.array([0, 5])).tolist() == [0, 0]


def test_keys_of_cohorts_may_lie_further_apart_than_a_word_counts() -> None:
    far = np.array([-(1 << 63), 5, (1 << 63) - 1])
    learner = TailLearner(0.01, BOUNDS)
    events = stream(3_000, 100, "normal", drifts=False)
    feed(learner, np.zeros((100, WIDTH)), events._replace(cohorts=far[np.arange(3_000) % 3]))
    assert learner.table.cohorts.tolist() == far.tolist()
    assert learner.table.rows_of(far).tolist() == [1, 2, 3]
