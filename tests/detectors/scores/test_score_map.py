"""From raw scores to quantiles of a reference population."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from detectors.scores.score_map import COUNT_MIN, LEVELS, ScoreMap, fit_quantiles, fit_replacement, quantiles
from detectors.scores.tail_sample import TailSample

_SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def _fit(scores: list[float]) -> ScoreMap:
    raw = np.array(scores)
    return fit_quantiles(raw, np.ones(len(raw)), len(raw))


@given(scores=_SCORES, levels=st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_a_quantile_has_no_more_events_above_it_than_its_level_says(scores: list[float], levels: list[float]) -> None:
    values, ascending = np.array(scores), np.sort(levels)
    for level, found in zip(ascending, quantiles(values, np.ones(len(values)), ascending, len(values)), strict=True):
        allowed = len(values) * (1.0 - level) * (1.0 + 1e-12)
        assert found == min(value for value in scores if (values > value).sum() <= allowed)


@given(_SCORES)
def test_scores_are_bounded_and_do_not_fall_where_raw_ones_rise(scores: list[float]) -> None:
    mapped = _fit(scores).apply(np.sort(np.concatenate((np.linspace(0.0, 1.0, 201), scores))))
    assert (np.diff(mapped) >= 0.0).all()
    assert mapped[0] >= 0.0
    assert mapped[-1] <= 1.0


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_a_score_that_many_have_gets_the_share_below_it_and_half_of_its_equals(fifths: list[int]) -> None:
    raw = np.repeat(np.array(fifths) / 5.0, 40)
    found = _fit(raw.tolist()).apply(raw)
    for score, mapped in zip(raw, found, strict=True):
        assert mapped == pytest.approx(np.mean(raw < score) + np.mean(raw == score) / 2.0, abs=0.011 + 0.5 / len(raw))


@pytest.mark.parametrize("score", [0.0, 0.25, 1.0])
def test_a_score_that_all_have_is_never_extreme(score: float) -> None:
    assert _fit([score] * 300).apply(np.array([score]))[0] == pytest.approx(0.5, abs=0.01)


def test_one_event_in_so_many_scores_higher_down_to_one_in_a_hundred_thousand() -> None:
    raw = np.random.default_rng(3).beta(2, 8, 1_000_000)
    mapped = fit_quantiles(raw, np.ones(len(raw)), len(raw)).apply(raw)
    for share in (0.5, 0.1, 0.015, 0.002, 1e-3, 1e-4, 1e-5):
        assert (mapped > 1.0 - share).mean() == pytest.approx(share, rel=0.03, abs=2e-6)


def test_a_map_of_a_sample_of_the_tail_keeps_the_shares_of_all_events() -> None:
    raw, keys = np.random.default_rng(5).beta(2, 8, 400_000), np.arange(400_000)
    sample = TailSample(1)
    sample.add(keys, raw, raw[:, None])
    weights, rows = sample.events()
    mapped = fit_quantiles(rows[:, 0].astype(np.float64), weights, sample.count).apply(raw)
    for share in (0.1, 0.015, 0.002, 1e-3, 1e-4):
        assert (mapped > 1.0 - share).mean() == pytest.approx(share, rel=0.1)


def test_what_scores_above_all_that_was_seen_is_above_all_of_their_scores() -> None:
    mapped = _fit([0.1, 0.2, 0.3]).apply(np.array([0.05, 0.3, 0.31, 0.9, 1.0]))
    assert (np.diff(mapped) > 0.0).all()
    assert mapped[-1] == 1.0


def test_a_replacement_keeps_the_share_of_events_above_each_score_though_the_population_has_moved() -> None:
    rng = np.random.default_rng(7)
    reference = rng.beta(2, 8, 200_000)
    champion = fit_quantiles(reference, np.ones(200_000), 200_000)
    hidden = rng.beta(2.4, 8, 200_000)  # an attack: more events score high than in the reference population
    before = champion.apply(hidden)
    raw = np.clip(hidden**3 + rng.normal(0, 1e-4, 200_000), 0.0, 1.0)  # another scale, almost the same order
    after = fit_replacement(raw, before, np.ones(200_000), 200_000).apply(raw)
    assert (before > 0.998).mean() > 0.003
    for score in (0.5, 0.9, 0.985, 0.998, 0.9995):
        assert (after > score).mean() == pytest.approx((before > score).mean(), rel=0.02)


def test_the_replacement_by_an_equal_model_changes_next_to_nothing() -> None:
    raw = np.random.default_rng(9).beta(2, 8, 50_000)
    weights = np.ones(len(raw))
    champion = fit_quantiles(raw, weights, len(raw))
    again = fit_replacement(raw, champion.apply(raw), weights, len(raw))
    np.testing.assert_allclose(again.apply(raw), champion.apply(raw), atol=1e-5)


def test_a_map_of_few_events_is_provisional_and_has_no_knots_beyond_what_it_can_know() -> None:
    few = _fit([0.5] * (COUNT_MIN - 1))
    assert few.provisional
    assert not _fit([0.5] * COUNT_MIN).provisional
    assert few.arrays()["scores"].max() < 1.0 - 1.0 / COUNT_MIN
    assert pytest.approx(1.0 - 1e-5) == LEVELS[-1]


def test_a_missing_score_stays_missing() -> None:
    assert np.isnan(_fit([0.5]).apply(np.array([np.nan]))[0])


def test_a_restored_map_gives_the_same_bits() -> None:
    first = _fit(np.random.default_rng(1).random(1_000).tolist())
    again = ScoreMap.from_arrays(first.arrays())
    raw = np.linspace(0.0, 1.0, 1_001)
    assert again is not None
    assert first.apply(raw).tobytes() == again.apply(raw).tobytes()
    assert again.count == first.count
    assert ScoreMap.from_arrays({}) is None


@pytest.mark.parametrize("raw", [[0.5, 0.4], [-0.1, 0.5], [0.5, 1.5], [np.nan, 0.5]])
def test_knots_that_no_map_can_have_are_refused(raw: list[float]) -> None:
    arrays = {"raw": np.array(raw), "scores": np.array([0.1, 0.2]), "count": np.array([5])}
    with pytest.raises(ValueError, match="raw"):
        ScoreMap.from_arrays(arrays)
