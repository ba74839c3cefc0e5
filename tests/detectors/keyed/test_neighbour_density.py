"""The p-value of a density against its definition in plain Python, and what lies between two habits."""

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.keyed.gaussian import GaussianScorer
from detectors.keyed.neighbour_density import NeighbourDensity


def scores(detector: NeighbourDensity | GaussianScorer, x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty(len(x))
    detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(len(x), np.int64), x, out)
    return out


def expected(window: list[float], neighbours: int, value: float) -> float:
    """The definition: the share of the window that is as thin, the value itself included, and beyond all of it in proportion."""

    def reach(others: list[float], at: float) -> float:
        return sorted(abs(other - at) for other in others)[neighbours - 1]

    own = [reach(window[:place] + window[place + 1 :], at) for place, at in enumerate(window)]
    here = reach(window, value)
    as_thin = sum(each >= here for each in own)
    if as_thin:
        return 1.0 - min((as_thin + 1.0) / (len(window) + 1.0), 1.0)
    return 1.0 - max(own) / here / (len(window) + 1.0)


@settings(max_examples=examples(60))
@given(x=st.lists(st.integers(-9, 9) | st.floats(-50, 50), min_size=1, max_size=30), neighbours=st.integers(1, 3))
def test_a_score_is_the_share_of_the_window_with_more_density(x: list[float], neighbours: int) -> None:
    found = scores(NeighbourDensity(8, neighbours, grace_period=neighbours + 1), np.array(x, np.float64))
    for at in range(neighbours + 1, len(x)):
        assert found[at] == pytest.approx(expected(x[max(at - 8, 0) : at], neighbours, x[at]), rel=1e-9, abs=1e-9)


def test_a_value_between_two_habits_is_strange_though_it_is_near_the_mean() -> None:
    draw = np.random.default_rng(2)
    habits = np.where(np.arange(80) % 2 == 0, draw.normal(5.0, 0.4, 80), draw.normal(90.0, 3.0, 80))
    x = np.append(habits, 47.0)
    assert scores(NeighbourDensity(), x)[-1] > 0.97
    assert scores(GaussianScorer(grace_period=10), x)[-1] < 0.5


def test_more_neighbours_than_values_are_refused() -> None:
    with pytest.raises(ValueError, match="neighbours"):
        NeighbourDensity(neighbours=10, grace_period=10)
