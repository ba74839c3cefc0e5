"""ADWIN of keys: it finds what River's finds where River's window is no longer than the one here, and in the latest values where it is."""

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray
from river import drift

from detectors.keyed.adwin import ADWIN

KEYS = 3
SINCE, WIDTH, TOTAL, VARIANCE = 0, 3, 4, 5


def scores_of(detector: ADWIN, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty(len(x))
    detector.score_learn_many(state, slots, x, out)
    return out


def drifts_of(river: drift.ADWIN, x: NDArray[np.float64]) -> list[bool]:
    found = []
    for value in x.tolist():
        river.update(value)
        found.append(river.drift_detected)
    return found


@settings(max_examples=examples(20))
@given(
    seed=st.integers(0, 2**31),
    grace_period=st.integers(1, 40),
    delta=st.sampled_from([0.002, 0.3]),
    clock=st.sampled_from([1, 7, 32]),
    max_buckets=st.integers(2, 6),
    min_window_length=st.integers(1, 9),
    unit=st.sampled_from([1.0, 100.0]),
)
def test_each_key_changes_where_river_finds_it_that_saw_its_values_alone(
    seed: int, grace_period: int, delta: float, clock: int, max_buckets: int, min_window_length: int, unit: float
) -> None:
    generator = np.random.default_rng(seed)
    levels = np.repeat(generator.uniform(0.0, 1.0, 5), 150)
    x, slots = unit * (levels + generator.normal(0.0, 0.2, len(levels))), generator.integers(0, KEYS, len(levels))
    ours = ADWIN(grace_period, delta, clock, max_buckets, min_window_length, levels=10, scaling="none", half_life=0.0)
    state = np.zeros((KEYS, ours.width))
    scores = scores_of(ours, state, slots, x)
    for key in range(KEYS):
        river = drift.ADWIN(delta, clock, max_buckets, min_window_length, grace_period)
        drifts = drifts_of(river, x[slots == key])
        assert (scores[slots == key] > 0.5).tolist() == drifts
        if not drifts[-1]:
            held = (state[key, WIDTH], state[key, TOTAL], state[key, VARIANCE])
            np.testing.assert_allclose(held, (river.width, river.total, river.variance), rtol=1e-9, atol=1e-9)


def test_beyond_its_bound_the_window_is_that_of_the_latest_values_and_a_change_is_found_as_soon() -> None:
    generator = np.random.default_rng(8)
    x = np.append(generator.normal(0.4, 0.1, 2_000), generator.normal(0.9, 0.1, 200))
    ours, longest = ADWIN(levels=6, scaling="none", half_life=0.0), 5 * (2**6 - 1)
    state, out = np.zeros((1, ours.width)), np.empty(1)
    for at in range(2_000):
        ours.score_learn_many(state, np.zeros(1, np.int64), x[at : at + 1], out)
        width = int(state[0, WIDTH])
        assert width <= longest
        latest = x[at + 1 - width : at + 1]
        assert out[0] < 0.5
        assert state[0, TOTAL] == pytest.approx(latest.sum(), rel=1e-9)
        assert state[0, VARIANCE] == pytest.approx(width * latest.var(), rel=1e-6, abs=1e-9)
    assert width > longest - 2**5
    found = int(np.argmax(scores_of(ours, state, np.zeros(200, np.int64), x[2_000:]) > 0.5))
    by_river = int(np.argmax(drifts_of(drift.ADWIN(), x)[2_000:]))
    assert 0 < found <= by_river + 32


def test_the_unit_of_values_does_not_matter_and_a_change_fades() -> None:
    generator = np.random.default_rng(4)
    x = np.append(generator.normal(50.0, 5.0, 200), generator.normal(65.0, 5.0, 60))
    detector = ADWIN(clock=8, half_life=4.0)
    plain, cents = (scores_of(detector, np.zeros((1, detector.width)), np.zeros(260, np.int64), values) for values in (x, 100.0 * x))
    np.testing.assert_allclose(plain, cents, rtol=1e-9)
    assert plain[:200].max() < 0.5
    first = int(np.argmax(plain > 0.5))
    assert 200 < first < 232
    assert plain[first + 4] == pytest.approx(plain[first] / 2.0)
