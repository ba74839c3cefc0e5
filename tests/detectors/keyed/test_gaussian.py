"""River's Gaussian scorer, number for number where values differ."""

import numpy as np
import pytest
from river import anomaly

from detectors.keyed.gaussian import GaussianScorer


@pytest.mark.parametrize("grace_period", [0, 1, 2, 30])
@pytest.mark.parametrize("spread", [1e-9, 1.0, 1e9])
def test_scores_equal_rivers(grace_period: int, spread: float) -> None:
    x = np.random.default_rng(1).normal(50.0, 1.0, 300) * spread + 7.0
    out = np.empty(300)
    GaussianScorer(grace_period).score_learn_many(np.zeros((1, 3)), np.zeros(300, np.int64), x, out)
    river = anomaly.GaussianScorer(grace_period=grace_period)
    for row, (value, score) in enumerate(zip(x.tolist(), out.tolist(), strict=True)):
        assert score == pytest.approx(river.score_one(None, value) if row >= 2 else 0.0, rel=1e-9, abs=1e-9)
        river.learn_one(None, value)


@pytest.mark.parametrize("one_sided", [False, True])
def test_the_amount_that_a_user_always_pays_is_not_strange_and_a_higher_one_is(one_sided: bool) -> None:
    x = np.append(np.full(50, 9.99), [10.0])
    out = np.empty(51)
    GaussianScorer(grace_period=2, one_sided=one_sided).score_learn_many(np.zeros((1, 3)), np.zeros(51, np.int64), x, out)
    assert out[:-1].tolist() == [0.0] * 50
    assert out[-1] == 1.0


def test_one_value_is_too_few_to_call_another_one_strange() -> None:
    out = np.empty(2)
    GaussianScorer(grace_period=0).score_learn_many(np.zeros((1, 3)), np.zeros(2, np.int64), np.array([5.0, 900.0]), out)
    assert out.tolist() == [0.0, 0.0]


def test_one_sided_scores_only_values_above_the_mean() -> None:
    x = np.append(np.random.default_rng(1).normal(50.0, 1.0, 300), [40.0, 60.0])
    both, above = np.empty(302), np.empty(302)
    GaussianScorer().score_learn_many(np.zeros((1, 3)), np.zeros(302, np.int64), x, both)
    GaussianScorer(one_sided=True).score_learn_many(np.zeros((1, 3)), np.zeros(302, np.int64), x, above)
    assert both[-2] > 0.99
    assert above[-2] == 0.0
    assert above[-1] == both[-1] > 0.99


def test_one_sided_is_true_or_false() -> None:
    with pytest.raises(TypeError, match="one_sided"):
        GaussianScorer(one_sided="no")  # type: ignore[arg-type]  # wrong on purpose
