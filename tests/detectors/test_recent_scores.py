"""The ring of a learner's own scores and its grid."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from detectors.recent_scores import LEVELS, RecentScores, share_below


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
    np.testing.assert_allclose(share_below(raw, recent.grid()), exact, atol=2e-3)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_shares_are_bounded_and_do_not_fall(scores: list[float]) -> None:
    recent = RecentScores(50)
    recent.add(np.array(scores))
    shares = share_below(np.linspace(0.0, 1.0, 201), recent.grid())
    assert (np.diff(shares) >= 0.0).all()
    assert shares[0] >= 0.0
    assert shares[-1] <= 1.0


def test_without_scores_there_is_no_share() -> None:
    assert np.isnan(share_below(np.array([0.5]), RecentScores(10).grid())).all()


def test_levels_rise_within_the_unit_interval() -> None:
    assert (np.diff(LEVELS) > 0.0).all()
    assert 0.0 <= LEVELS[0] < LEVELS[-1] < 1.0


@pytest.mark.parametrize("size", [0, 1_000_001])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="recent scores"):
        RecentScores(size)
