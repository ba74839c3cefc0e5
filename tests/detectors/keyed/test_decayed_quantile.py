"""The quantile it tracks, against the exact one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.keyed.decayed_quantile import DecayedQuantile

QUANTILE = 1
"""Cell of the estimate."""


def tracked(x: NDArray[np.float64], quantile: float, half_life: float) -> float:
    state = np.zeros((1, DecayedQuantile.WIDTH))
    DecayedQuantile(quantile, half_life).score_learn_many(state, np.zeros(len(x), np.int64), x, np.empty(len(x)))
    return float(state[0, QUANTILE])


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shape", ["normal", "lognormal", "exponential"])
def test_the_share_of_values_below_the_estimate_is_near_the_quantile(quantile: float, scale: float, shape: str) -> None:
    estimates = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        x = np.asarray(getattr(generator, shape)(size=6_000)) * scale
        estimates.append(np.mean(x <= tracked(x, quantile, half_life=500.0)))
    assert np.mean(estimates) == pytest.approx(quantile, abs=0.02)
    assert np.max(np.abs(np.array(estimates) - quantile)) < 0.08


def test_it_follows_a_change_of_level_within_a_few_half_lives() -> None:
    generator = np.random.default_rng(0)
    before, after = generator.normal(100.0, 10.0, 3_000), generator.normal(300.0, 10.0, 600)
    fast = tracked(np.concatenate((before, after)), 0.9, half_life=100.0)
    slow = tracked(np.concatenate((before, after)), 0.9, half_life=10_000.0)
    assert fast == pytest.approx(np.quantile(after, 0.9), abs=15.0)
    assert slow < 290.0


def test_a_value_at_the_estimate_scores_0_and_one_deviation_above_it_a_half() -> None:
    state = np.array([[100.0, 50.0, 0.1, 4.0]])
    out = np.empty(1)
    for value, score in ((50.0, 0.0), (54.0, 0.5), (62.0, 0.75)):
        DecayedQuantile().score_learn_many(state.copy(), np.zeros(1, np.int64), np.array([value]), out)
        assert out[0] == pytest.approx(score, rel=1e-12)


def test_a_key_whose_values_never_changed_scores_any_rise_1_and_no_fall() -> None:
    x = np.append(np.full(50, 5.0), [4.0])
    out = np.empty(51)
    DecayedQuantile().score_learn_many(np.zeros((1, 4)), np.zeros(51, np.int64), x, out)
    assert out[-1] == 0.0
    DecayedQuantile().score_learn_many(np.zeros((1, 4)), np.zeros(51, np.int64), np.append(np.full(50, 5.0), [6.0]), out)
    assert out[-1] == 1.0


@pytest.mark.parametrize("parameters", [{"quantile": 0.0}, {"quantile": 1.0}, {"half_life": 0.0}, {"grace_period": 0}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        DecayedQuantile(**parameters)  # type: ignore[arg-type]  # a float among the whole numbers, wrong on purpose
