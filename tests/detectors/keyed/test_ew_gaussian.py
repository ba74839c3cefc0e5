"""River's exponentially weighted mean and variance, number for number, and what forgetting is good for."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray
from river import stats

from detectors.keyed.ew_gaussian import EWGaussianScorer
from detectors.keyed.gaussian import GaussianScorer


def scores(detector: EWGaussianScorer | GaussianScorer, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    state, out = np.zeros((1, detector.width)), np.empty(len(x))
    detector.score_learn_many(state, np.zeros(len(x), np.int64), x, out)
    return out, state[0]


@settings(max_examples=examples(60))
@given(
    x=st.lists(st.floats(-1e4, 1e4).map(lambda value: round(value, 2)), min_size=2, max_size=60),
    fading_factor=st.floats(0.01, 0.99),
)
def test_mean_and_variance_are_rivers(x: list[float], fading_factor: float) -> None:
    _, state = scores(EWGaussianScorer(fading_factor), np.array(x))
    mean, variance = stats.EWMean(fading_factor), stats.EWVar(fading_factor)
    for value in x:
        mean.update(value)
        variance.update(value)
    assert state[1] == pytest.approx(mean.get(), rel=1e-9, abs=1e-9)
    # River takes the difference of two great numbers, which loses as many digits as these have more than it.
    assert state[2] == pytest.approx(variance.get(), rel=1e-9, abs=1e-12 * max(abs(value) for value in x) ** 2 + 1e-12)


def test_a_score_is_the_share_of_a_normal_distribution_that_lies_nearer_to_its_mean() -> None:
    x = np.array([1.0, 3.0, 2.0, 4.0, 2.5, 9.0])
    out, state = scores(EWGaussianScorer(0.3, grace_period=5), x)
    _, before = scores(EWGaussianScorer(0.3), x[:-1])
    assert out[:5].tolist() == [0.0] * 5
    assert out[5] == pytest.approx(math.erf(abs(9.0 - before[1]) / math.sqrt(2.0 * before[2])))
    assert state[0] == 6.0


def test_an_entity_whose_habits_change_is_usual_again_sooner_than_to_a_detector_that_forgets_nothing() -> None:
    draw = np.random.default_rng(1)
    x = np.concatenate((draw.normal(10.0, 1.0, 500), draw.normal(50.0, 1.0, 200)))
    forgetting, remembering = scores(EWGaussianScorer(0.1), x)[0], scores(GaussianScorer(20), x)[0]
    assert forgetting[500] > 0.999
    assert forgetting[600:].mean() < 0.7
    assert remembering[600:].mean() > 0.9


@pytest.mark.parametrize("parameters", [{"fading_factor": 0.0}, {"fading_factor": 1.0}, {"grace_period": 0}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected fading_factor"):
        EWGaussianScorer(**parameters)
