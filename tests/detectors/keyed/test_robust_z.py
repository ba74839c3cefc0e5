"""The robust z-score against numpy on the latest values, and what outliers in the window do to it."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.keyed.gaussian import GaussianScorer
from detectors.keyed.robust_z import RobustZScorer


def scores(detector: RobustZScorer | GaussianScorer, x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty(len(x))
    detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(len(x), np.int64), x, out)
    return out


def expected(window: NDArray[np.float64], value: float) -> float:
    """The definition, by numpy: median and median absolute deviation, or the mean one where that is 0."""
    away = np.abs(window - np.median(window))
    deviation = float(np.median(away)) / 0.6744897501960817 or float(np.mean(away)) * math.sqrt(math.pi / 2.0)
    distance = abs(value - float(np.median(window)))
    if distance == 0.0:
        return 0.0
    return math.erf(distance / deviation / math.sqrt(2.0)) if deviation else 1.0


@settings(max_examples=examples(60))
@given(x=st.lists(st.integers(-50, 50) | st.floats(-1e3, 1e3), min_size=1, max_size=40), window_size=st.integers(2, 9))
def test_a_score_is_that_of_median_and_deviation_of_the_latest_values(x: list[float], window_size: int) -> None:
    values = np.array(x, np.float64)
    found = scores(RobustZScorer(window_size, grace_period=1), values)
    assert found[0] == 0.0
    for at in range(1, len(values)):
        assert found[at] == pytest.approx(expected(values[max(at - window_size, 0) : at], values[at]), rel=1e-9, abs=1e-9)


def test_outliers_in_the_window_hide_no_further_one() -> None:
    x = np.random.default_rng(4).normal(50.0, 5.0, 60)
    x[45:57:2] = 400.0
    x[-1] = 120.0
    assert scores(RobustZScorer(), x)[-1] > 0.999
    assert scores(GaussianScorer(grace_period=10), x)[-1] < 0.9


def test_parameters_of_another_kind_or_range_are_refused() -> None:
    with pytest.raises(ValueError, match="window_size"):
        RobustZScorer(window_size=257)
    with pytest.raises(TypeError, match="one_sided"):
        RobustZScorer(one_sided=1)  # type: ignore[arg-type]  # wrong on purpose
