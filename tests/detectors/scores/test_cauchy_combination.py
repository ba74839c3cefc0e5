"""Combined tail probabilities against scipy, how often a combination is right, and what weights are learned."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from detectors.scores.cauchy_combination import RANK_MIN, CauchyCombination, CauchyScoring
from detectors.scores.tail_ranks import LEVELS, fit_ranks, rank_of
from detectors.scores.weighted_combination import WeightedCombination

DRAW = np.random.default_rng(6)
ROWS = DRAW.normal(size=(4_000, 3)) + DRAW.normal(size=(4_000, 1))


def taught(x: NDArray[np.float64] = ROWS, **parameters: object) -> CauchyCombination:
    learner = CauchyCombination(x.shape[1], **parameters)  # type: ignore[arg-type]  # as models.yaml gives them
    learner.learn_many(x)
    return learner


def test_a_score_is_one_minus_the_p_value_of_scipys_cauchy_distribution() -> None:
    weights = np.array([1.0, 3.0, 0.5])
    found = taught(weights=weights.tolist()).score_many(ROWS[:50])
    for at, row in enumerate(ROWS[:50]):
        ranks = [rank_of(value, *fit_ranks(column)[:1], LEVELS, fit_ranks(column)[1]) for value, column in zip(row, ROWS.T, strict=True)]
        terms = stats.cauchy.isf(1.0 - np.clip(ranks, RANK_MIN, 1.0))
        assert found[at] == pytest.approx(stats.cauchy.cdf((weights * terms).sum() / weights.sum()), rel=1e-9)


def test_one_input_has_its_own_tail_probability() -> None:
    one = ROWS[:, :1]
    found = taught(one).score_many(np.array([[stats.norm.ppf(p) * 2.0**0.5] for p in (0.5, 0.9, 0.99, 0.9999)]))
    assert found[:2] == pytest.approx([0.5, 0.9], abs=0.02)
    assert 1.0 - found[2:] == pytest.approx([0.01, 0.0001], rel=0.8)


def test_a_rank_is_the_share_below_and_half_of_those_alike() -> None:
    grid, tail = fit_ranks(np.repeat([1.0, 2.0, 3.0], [600, 300, 100]))
    ranks = [rank_of(value, grid, LEVELS, tail) for value in (0.5, 1.0, 2.0, 3.0, 4.0)]
    assert ranks == pytest.approx([0.0, 0.3, 0.75, 0.95, 1.0], abs=0.01)


def test_dependent_inputs_raise_no_more_alarms_than_are_asked_for() -> None:
    scores = taught().score_many(np.random.default_rng(7).normal(size=(4_000, 3)) + np.random.default_rng(8).normal(size=(4_000, 1)))
    assert (scores > 0.99).mean() < 0.02


def test_a_missing_input_says_nothing() -> None:
    learner = taught()
    alone = taught(ROWS[:, :2])
    x = ROWS[:20].copy()
    x[:, 2] = np.nan
    assert learner.score_many(x) == pytest.approx(alone.score_many(x[:, :2]), rel=1e-12)
    assert (learner.score_many(np.full((1, 3), np.nan)) == CauchyScoring.base).all()


def test_weights_follow_what_tells_positives_and_a_few_wrong_labels_do_little() -> None:
    x, y = ROWS.copy(), (np.arange(len(ROWS)) % 40 == 0).astype(np.float64)
    x[y == 1.0, 0] += 3.0
    learner, poisoned = WeightedCombination(3), WeightedCombination(3)
    learner.learn_many(x, y)
    wrong = y.copy()
    wrong[np.argsort(-x[:, 2])[:5]] = 1.0
    poisoned.learn_many(x, wrong)
    weights, moved = learner.snapshot()["weights"], poisoned.snapshot()["weights"]
    assert weights[0] == moved[0] == 1.0
    assert weights[1:].max() < 0.2
    assert moved[2] < 0.5


def test_inputs_count_alike_before_ten_positives_are_known() -> None:
    learner = WeightedCombination(3)
    learner.learn_many(ROWS[:100], (np.arange(100) < 9).astype(np.float64))
    assert learner.snapshot()["weights"].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("parameters", [{"recent": 0}, {"weights": [1.0, -1.0, 1.0]}, {"weights": [0.0, 0.0, 0.0]}, {"weights": [1.0]}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        taught(**parameters)
