"""The ring of a learner's own scores and its grid."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from detectors.scores.recent_scores import LEVELS, RecentScores, mid_ranks


@settings(deadline=None)
@given(size=st.integers(1, 20), batches=st.lists(st.lists(st.floats(0, 1), max_size=30), max_size=6))
def test_the_ring_holds_the_latest_scores_however_they_come(size: int, batches: list[list[float]]) -> None:
    recent = RecentScores(size)
    for batch in batches:
        recent.add(np.array(batch, np.float64))
    everything = [score for batch in batches for score in batch]
    held = recent.ring[: min(size, recent.seen)]
    assert sorted(held.tolist()) == sorted(everything[-size:])


def test_shares_follow_the_exact_distribution() -> None:
    scores = np.random.default_rng(0).beta(8, 2, 20_000)
    recent = RecentScores(20_000)
    recent.add(scores)
    exact = np.array([0.05, 0.5, 0.95, 0.995, 0.9995])
    raw = np.asarray(np.quantile(scores, exact), np.float64)
    np.testing.assert_allclose(mid_ranks(raw, recent.grid()), exact, atol=2e-3)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_shares_are_bounded_and_do_not_fall(scores: list[float]) -> None:
    recent = RecentScores(50)
    recent.add(np.array(scores))
    shares = mid_ranks(np.linspace(0.0, 1.0, 201), recent.grid())
    assert (np.diff(shares) >= 0.0).all()
    assert shares[0] >= 0.0
    assert shares[-1] <= 1.0


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_a_score_that_many_have_gets_the_share_below_it_and_half_of_its_equals(fifths: list[int]) -> None:
    scores = np.repeat(np.array(fifths) / 5.0, 40)
    recent = RecentScores(len(scores))
    recent.add(scores)
    for score, rank in zip(scores, mid_ranks(scores, recent.grid()), strict=True):
        assert rank == pytest.approx(np.mean(scores < score) + np.mean(scores == score) / 2.0, abs=0.011)


@pytest.mark.parametrize("score", [0.0, 0.25, 1.0])
def test_a_score_that_all_have_is_in_the_middle(score: float) -> None:
    recent = RecentScores(300)
    recent.add(np.full(300, score))
    assert mid_ranks(np.array([score]), recent.grid())[0] == pytest.approx(0.5, abs=0.01)


def test_a_score_that_is_missing_has_no_rank() -> None:
    recent = RecentScores(3)
    recent.add(np.array([0.1, 0.2, 0.3]))
    ranks = mid_ranks(np.array([np.nan, 0.2]), recent.grid())
    assert np.isnan(ranks[0])
    assert ranks[1] == pytest.approx(0.5)


def test_without_scores_there_is_no_share() -> None:
    assert np.isnan(mid_ranks(np.array([0.5]), RecentScores(10).grid())).all()


def test_levels_rise_within_the_unit_interval() -> None:
    assert (np.diff(LEVELS) > 0.0).all()
    assert 0.0 <= LEVELS[0] < LEVELS[-1] < 1.0


@pytest.mark.parametrize("size", [0, 1_000_001])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="recent scores"):
        RecentScores(size)
