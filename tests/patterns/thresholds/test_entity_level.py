"""What an entity has learned of its own values is what the definition says, event by event."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.thresholds.cells import BANDS, CELLS, CUTS, LEVELS, find_cell
from patterns.thresholds.entity_level import (
    BORROWED,
    OWN_SPREAD,
    SPREAD,
    THRESHOLD,
    USUAL,
    WEIGHT,
    WIDTH,
    Bounds,
    learn,
    look,
    look_and_learn,
)
from patterns.thresholds.tail_table import NOTHING_KNOWN, TailTable

DAY_MS = 86_400_000
BOUNDS = Bounds(30.0 * DAY_MS, -np.inf, np.inf)
TABLE = TailTable(
    np.array([7]),
    np.array([10.0, 20.0]),
    np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, 2.0]]),
    np.array([[5.0, 10.0, 15.0], [10.0, 20.0, 30.0]]),
    np.linspace(2.0, 5.0, 2 * CELLS).reshape(2, CELLS),
    np.ones((2, CELLS)),
)

_values = st.one_of(st.floats(-1e3, 1e3), st.just(math.nan))
_events = st.lists(
    st.tuples(st.integers(0, 2), _values, st.integers(0, 90 * DAY_MS), st.integers(0, 1)),
    max_size=40,
)


def plain(events: list[tuple[int, float, int, int]]) -> list[list[float]]:
    """The definition, one event after the other, with all values of an entity kept."""
    kept: dict[int, list[tuple[float, int]]] = {}
    found = []
    for entity, value, time_ms, row in events:
        if math.isnan(value):
            found.append([math.nan] * 6)
            continue
        before = kept.setdefault(entity, [])
        newest = max([time for _, time in before], default=time_ms)
        now = max(newest, time_ms)
        weights = [weight_of(at, before, now) for at in range(len(before))]
        weight = sum(weights)
        mean = sum(w * v for w, (v, _) in zip(weights, before, strict=True)) / weight if weight else 0.0
        squares = sum(w * (v - mean) ** 2 for w, (v, _) in zip(weights, before, strict=True))
        usual = (weight * mean + BORROWED * TABLE.usual[row]) / (weight + BORROWED)
        cell = find_cell(weight, usual, TABLE.cuts[row])
        spread = math.sqrt((squares + BORROWED * TABLE.spread[row, cell % LEVELS] ** 2) / (weight + BORROWED))
        threshold = usual + spread * TABLE.quantiles[row, cell]
        own = math.sqrt(squares / (weight - 1.0)) if weight >= 2.0 - 1e-3 else math.nan
        found.append([threshold, usual, spread, weight, own, cell])
        before.append((min(value, threshold), time_ms))
    return found


def weight_of(at: int, before: list[tuple[float, int]], now_ms: int) -> float:
    """An event weighs 1 when it comes, and half after each half-life of event time; one that comes late has not decayed yet."""
    newest_then = max(time for _, time in before[: at + 1])
    return 2.0 ** (-(now_ms - newest_then) / BOUNDS.half_life_ms)


@given(_events)
def test_each_event_sees_the_decayed_mean_and_spread_of_those_before_it(events: list[tuple[int, float, int, int]]) -> None:
    entities, values, times, rows = (np.array(column) for column in zip(*events, strict=True)) if events else (np.zeros(0),) * 4
    words = np.zeros((3, WIDTH))
    seen = look_and_learn(
        words, entities.astype(np.int64), values.astype(float), times.astype(np.int64), rows.astype(np.int64), TABLE, BOUNDS
    )
    expected = np.array(plain(events)).reshape(-1, 6)
    assert np.allclose(seen, expected, rtol=1e-6, atol=1e-5, equal_nan=True)


@given(_events, st.data())
def test_it_does_not_matter_how_events_are_batched(events: list[tuple[int, float, int, int]], data: st.DataObject) -> None:
    words, parts = np.zeros((3, WIDTH)), np.zeros((3, WIDTH))
    if not events:
        return
    columns = [np.array(column) for column in zip(*events, strict=True)]
    columns[1] = columns[1].astype(float)
    whole = look_and_learn(words, *columns, TABLE, BOUNDS)
    cut = data.draw(st.integers(0, len(events)))
    both = [look_and_learn(parts, *(column[part] for column in columns), TABLE, BOUNDS) for part in (slice(cut), slice(cut, None))]
    assert np.array_equal(np.concatenate(both), whole, equal_nan=True)
    assert np.array_equal(words, parts)


def test_looking_teaches_nothing_and_learning_after_it_is_the_same_as_both_at_once() -> None:
    random = np.random.default_rng(3)
    slots, values = np.arange(50), random.normal(20.0, 5.0, 50)
    times, rows = np.arange(50), np.zeros(50, np.int64)
    apart, together = np.zeros((50, WIDTH)), np.zeros((50, WIDTH))
    for _ in range(3):
        before = apart.copy()
        seen = look(apart, slots, values, times, rows, TABLE, BOUNDS)
        assert np.array_equal(apart, before)
        learn(apart, slots, values, times, seen[:, THRESHOLD].copy(), BOUNDS.half_life_ms)
        assert np.array_equal(look_and_learn(together, slots, values, times, rows, TABLE, BOUNDS), seen, equal_nan=True)
    assert np.array_equal(apart, together)


def test_a_value_above_the_threshold_teaches_no_more_than_the_threshold_itself() -> None:
    words = np.zeros((1, WIDTH))
    seen = look_and_learn(words, np.array([0]), np.array([1e9]), np.array([0]), np.array([0]), TABLE, BOUNDS)
    assert words[0, 1] == seen[0, THRESHOLD] < 1e3


@pytest.mark.parametrize(("floor", "cap", "expected"), [(50.0, np.inf, 50.0), (-np.inf, 11.0, 11.0)])
def test_a_threshold_stays_between_its_floor_and_its_cap(floor: float, cap: float, expected: float) -> None:
    bounds = Bounds(30.0 * DAY_MS, floor, cap)
    seen = look(np.zeros((1, WIDTH)), np.array([0]), np.array([1.0]), np.array([0]), np.array([0]), TABLE, bounds)
    assert seen[0, THRESHOLD] == expected


def test_before_the_first_table_there_is_no_threshold_but_entities_learn() -> None:
    words = np.zeros((1, WIDTH))
    for value in (1.0, 3.0):
        seen = look_and_learn(words, np.array([0]), np.array([value]), np.array([0]), np.array([0]), NOTHING_KNOWN, BOUNDS)
        assert np.isnan(seen[0, [THRESHOLD, USUAL, SPREAD]]).all()
    seen = look(words, np.array([0]), np.array([1.0]), np.array([0]), np.array([0]), NOTHING_KNOWN, BOUNDS)
    assert seen[0, WEIGHT] == 2.0
    assert seen[0, OWN_SPREAD] == math.sqrt(2.0)


def test_a_floor_holds_before_the_first_table_too_once_something_is_known() -> None:
    """Nothing is known yet, so that nothing may match: a floor alone would be a fixed threshold that nobody wrote."""
    bounds = Bounds(30.0 * DAY_MS, 4.0, np.inf)
    seen = look(np.zeros((1, WIDTH)), np.array([0]), np.array([9.0]), np.array([0]), np.array([0]), NOTHING_KNOWN, bounds)
    assert np.isnan(seen[0, THRESHOLD])


def test_cells_part_histories_by_powers_of_two_and_levels_by_their_lower_edges() -> None:
    cuts = np.array([1.0, 2.0, 3.0])
    assert [find_cell(weight, 0.0, cuts) // LEVELS for weight in (0.0, 0.4, 0.9, 1.9, 3.9, 127.9, 1e9)] == [0, 0, 1, 2, 3, 8, 8]
    assert [find_cell(0.0, usual, cuts) for usual in (0.9, 1.0, 2.5, 3.0)] == [0, 1, 2, 3]
    assert (BANDS, LEVELS, CUTS) == (9, 4, 3)
