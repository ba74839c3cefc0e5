"""Drift of what models see and say is told from chance; a pure change of what fraud looks like shows in labels alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.policy import DRIFT_LIMIT
from pipeline.comparison.drift import EVENTS_MIN, Drift, drift_of, drift_of_labels


def found(reference: object, current: object) -> Drift:
    drift = drift_of("x", np.asarray(reference, np.float64), np.asarray(current, np.float64), DRIFT_LIMIT)
    assert drift is not None
    return drift


def test_the_index_is_that_of_the_definition() -> None:
    reference, current = np.repeat([0.0, 1.0], 5_000), np.repeat([0.0, 1.0], [2_000, 8_000])
    assert found(reference, current).index == pytest.approx((0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5), rel=1e-2)


def test_chance_is_not_drift_and_a_shift_is() -> None:
    draw = np.random.default_rng(1)
    for n in (EVENTS_MIN, 1_000, 20_000):
        same = [found(draw.normal(size=5_000), draw.normal(size=n)).matters for _ in range(50)]
        assert sum(same) <= 1
        assert found(draw.normal(size=5_000), draw.normal(1.0, size=n)).matters


def test_a_share_of_missing_values_is_drift() -> None:
    draw = np.random.default_rng(2)
    values = draw.normal(size=2_000)
    holes = np.where(draw.random(2_000) < 0.3, np.nan, values)
    assert found(values, holes).matters
    assert not found(holes, holes).matters
    assert not found(np.full(500, np.nan), np.full(500, np.nan)).matters


@given(st.lists(st.floats(-5, 5) | st.just(math.nan), min_size=200, max_size=260), st.integers(1, 4))
def test_bins_hold_each_value_once_where_it_belongs(values: list[float], digits: int) -> None:
    reference, current = np.round(np.resize(values, 400), digits), np.round(values, digits)
    bins = found(reference, current).bins
    for side, counted in ((reference, [each.reference_events for each in bins]), (current, [each.events for each in bins])):
        expected = [sum(one.least <= value < one.most for value in side.tolist()) for one in bins[:-1]]  # type: ignore[operator]
        assert counted == [*expected, int(np.isnan(side).sum())]
    assert (bins[-1].least, bins[-1].most) == (None, None)


def test_of_few_events_nothing_is_said() -> None:
    assert drift_of("x", np.zeros(EVENTS_MIN - 1), np.zeros(5_000), DRIFT_LIMIT) is None
    assert drift_of_labels(np.zeros(5_000, np.bool_), np.zeros(EVENTS_MIN - 1, np.bool_), DRIFT_LIMIT) is None


@pytest.mark.parametrize(
    ("usual", "now", "drifts"), [(0.01, 0.01, False), (0.01, 0.013, False), (0.01, 0.03, True), (0.05, 0.005, True), (0.4, 0.45, False)]
)
def test_a_share_of_fraud_drifts_once_it_is_twice_the_usual_one_however_small_that_is(usual: float, now: float, drifts: bool) -> None:
    before, after = np.arange(20_000) < usual * 20_000, np.arange(2_000) < now * 2_000
    found = drift_of_labels(before, after, DRIFT_LIMIT)
    assert found is not None
    assert found.matters == drifts


def test_a_share_of_fraud_that_chance_explains_is_no_drift() -> None:
    before, after = np.arange(5_000) < 5, np.arange(EVENTS_MIN) < 1
    found = drift_of_labels(before, after, DRIFT_LIMIT)
    assert found is not None
    assert found.now > 2 * found.usual
    assert not found.matters
