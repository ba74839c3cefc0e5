"""The test of Page and Hinkley, beside River's number for number, and on levels that move."""

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray
from river import drift

from detectors.keyed.page_hinkley import PageHinkley

KEYS = 3


def scores_of(detector: PageHinkley, x: NDArray[np.float64], slots: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    out = np.empty(len(x))
    keys = np.zeros(len(x), np.int64) if slots is None else slots
    detector.score_learn_many(np.zeros((KEYS, detector.width)), keys, x, out)
    return out


def found_by_river(river: drift.PageHinkley, x: NDArray[np.float64], mode: str) -> tuple[list[bool], list[float]]:
    drifts, evidence = [], []
    for value in x.tolist():
        river.update(value)
        drifts.append(river.drift_detected)
        rise, fall = river._sum_increase - river._min_increase, river._max_decrease - river._sum_decrease
        evidence.append({"up": rise, "down": fall, "both": max(rise, fall)}[mode])
    return drifts, evidence


@settings(max_examples=examples(20))
@given(
    seed=st.integers(0, 2**31),
    grace_period=st.integers(1, 40),
    delta=st.sampled_from([0.0, 0.005, 0.3]),
    threshold=st.sampled_from([3.0, 50.0]),
    alpha=st.sampled_from([0.9999, 0.97, 1.0]),
    mode=st.sampled_from(["up", "down", "both"]),
)
def test_each_key_is_tested_as_by_river_that_saw_its_values_alone(
    seed: int, grace_period: int, delta: float, threshold: float, alpha: float, mode: str
) -> None:
    generator = np.random.default_rng(seed)
    levels = np.repeat(generator.normal(0.0, 3.0, 6), 70)
    x, slots = levels + generator.normal(0.0, 1.0, len(levels)), generator.integers(0, KEYS, len(levels))
    ours = scores_of(PageHinkley(grace_period, delta, threshold, alpha, mode, "none", half_life=0.0), x, slots)
    for key in range(KEYS):
        own, scores = x[slots == key], ours[slots == key]
        river = drift.PageHinkley(min_instances=grace_period + 1, delta=delta, threshold=threshold, alpha=alpha, mode=mode)
        drifts, evidence = found_by_river(river, own, mode)
        assert (scores > 0.5).tolist() == drifts
        tested = scores > 0.0
        np.testing.assert_allclose((scores / (1.0 - scores) * threshold)[tested], np.array(evidence)[tested], rtol=1e-9, atol=1e-9)


def test_a_level_that_moves_is_found_in_whatever_unit_and_fades_by_its_half_life() -> None:
    generator = np.random.default_rng(4)
    x = np.append(generator.normal(50.0, 5.0, 100), generator.normal(65.0, 5.0, 12))
    plain, cents = (scores_of(PageHinkley(half_life=4.0), values) for values in (x, 100.0 * x))
    np.testing.assert_allclose(plain, cents, rtol=1e-9)
    assert plain[:100].max() < 0.5
    first = int(np.argmax(plain > 0.5))
    assert 100 <= first <= 107
    assert plain[first + 4] == pytest.approx(plain[first] / 2.0)
