"""The tail against scipy's generalised Pareto distribution, and how often it is right about streams."""

import numpy as np
import pytest
from scipy import stats

from detectors.keyed.spot import SPOT
from detectors.scores.pareto_tail import SHAPE_MAX, excess_at, fit, survival


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3, 0.8])
def test_a_fit_is_as_likely_as_that_of_scipy(shape: float, seed: int) -> None:
    excesses = stats.genpareto.rvs(shape, scale=7.0, size=40 + 20 * seed, random_state=seed)
    found = np.empty(2)
    fit(excesses, found)
    own = stats.genpareto.nnlf((found[0], 0.0, found[1]), excesses)
    theirs = stats.genpareto.fit(excesses, floc=0.0)
    exponential = stats.genpareto.nnlf((0.0, 0.0, excesses.mean()), excesses)
    best = stats.genpareto.nnlf(theirs, excesses) if 0.0 <= theirs[0] <= SHAPE_MAX else exponential
    assert 0.0 <= found[0] <= SHAPE_MAX
    assert own <= best + 1e-6 * abs(best)


@pytest.mark.parametrize("shape", [0.0, 1e-12, 0.2, 1.0])
def test_the_probability_of_an_excess_is_that_of_scipy(shape: float) -> None:
    for excess in (0.0, 0.3, 5.0, 90.0):
        assert survival(excess, shape, 3.0) == pytest.approx(stats.genpareto.sf(excess, shape, scale=3.0), rel=1e-9)
        assert excess_at(survival(excess, shape, 3.0), shape, 3.0) == pytest.approx(excess, rel=1e-9, abs=1e-12)


def test_a_score_is_the_share_above_the_threshold_times_the_tail() -> None:
    x = np.random.default_rng(3).exponential(4.0, 400)
    detector = SPOT(grace_period=100, level=0.9, peaks=1_000, q=1e-9, half_life=1e9)
    state, out = np.zeros((1, detector.width)), np.empty(400)
    detector.score_learn_many(state, np.zeros(400, np.int64), x, out)
    threshold = np.sort(x[:100])[89]
    assert ((out > 0.0) == (x > threshold))[100:].all()
    above = x[x > threshold] - threshold
    found = np.empty(2)
    fit(above[: len(above) - len(above) % (len(above) // 4)], found)  # the tail is fitted anew at each quarter of its excesses
    detector.score_learn_many(state.copy(), np.zeros(1, np.int64), np.array([30.0]), out[:1])
    tail = stats.genpareto.sf(30.0 - threshold, found[0], scale=found[1])
    assert out[0] == pytest.approx(1.0 - tail * (len(above) + 1) / 401, rel=1e-6)


@pytest.mark.parametrize("name", ["normal", "exponential", "standard_t"])
def test_a_score_of_999_in_1000_comes_about_once_in_a_thousand_values(name: str) -> None:
    draw = np.random.default_rng(11)
    x = draw.standard_t(4.0, 40_000) if name == "standard_t" else getattr(draw, name)(size=40_000)
    detector = SPOT(grace_period=200, level=0.98, peaks=256)
    out = np.empty(len(x))
    detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(len(x), np.int64), x, out)
    assert 0.0004 < (out > 0.999).mean() < 0.0025


def test_a_burst_does_not_make_itself_usual_but_a_new_level_becomes_so() -> None:
    x = np.random.default_rng(5).exponential(1.0, 500)
    x[300:310], x[330:] = 40.0, x[330:] + 8.0
    detector, out = SPOT(), np.empty(500)
    detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(500, np.int64), x, out)
    assert out[300:310].min() > 0.99
    assert np.median(out[450:]) < 0.9


def test_parameters_out_of_range_are_refused() -> None:
    for parameters in ({"grace_period": 4}, {"level": 1.0}, {"peaks": 4}, {"q": 0.06}):
        with pytest.raises(ValueError, match="expected"):
            SPOT(**parameters)  # type: ignore[arg-type]  # a float among the whole numbers
