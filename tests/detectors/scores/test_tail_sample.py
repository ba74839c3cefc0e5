"""The sample that is dense in the tail."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.scores.tail_sample import TailSample

_TENTHS = st.lists(st.integers(0, 10), min_size=1, max_size=400)


def _sample(scores: NDArray[np.float64], keys: NDArray[np.int64], kept: int, parts: int = 1) -> TailSample:
    sample = TailSample(1, kept)
    for part in np.array_split(np.arange(len(scores)), parts):
        sample.add(keys[part], scores[part], scores[part, None])
    return sample


def _same(one: TailSample, other: TailSample) -> bool:
    before, after = one.state(), other.state()
    return all(np.array_equal(before[name], after[name]) for name in before) and np.array_equal(one.events()[0], other.events()[0])


@settings(deadline=None)
@given(tenths=_TENTHS, parts=st.integers(1, 40), seed=st.integers(0, 99))
def test_order_and_parts_of_the_events_change_nothing(tenths: list[int], parts: int, seed: int) -> None:
    scores, keys = np.array(tenths) / 10.0, np.arange(len(tenths))
    shuffled = np.random.default_rng(seed).permutation(len(tenths))
    assert _same(_sample(scores, keys, 8), _sample(scores[shuffled], keys[shuffled], 8, parts))


@settings(deadline=None)
@given(tenths=_TENTHS, cut=st.floats(0, 1))
def test_a_merged_sample_is_that_of_all_events(tenths: list[int], cut: float) -> None:
    scores, keys, at = np.array(tenths) / 10.0, np.arange(len(tenths)), int(cut * len(tenths))
    merged = _sample(scores[:at], keys[:at], 8)
    merged.merge(_sample(scores[at:], keys[at:], 8))
    assert _same(merged, _sample(scores, keys, 8))


@settings(deadline=None)
@given(tenths=_TENTHS)
def test_the_highest_events_are_all_there_and_each_stands_for_itself(tenths: list[int]) -> None:
    scores = np.array(tenths) / 10.0
    weights, rows = _sample(scores, np.arange(len(scores)), 8).events()
    np.testing.assert_array_equal(rows[:8, 0], np.sort(scores)[::-1][:8].astype(np.float32))
    assert (weights[:8] == 1.0).all()


def test_few_events_are_all_kept() -> None:
    scores = np.random.default_rng(0).random(2_048)
    weights, rows = _sample(scores, np.arange(2_048), 2_048).events()
    assert len(rows) == 2_048
    assert (weights == 1.0).all()


@pytest.mark.slow
@pytest.mark.parametrize("ties", [False, True])
def test_shares_above_a_score_are_estimated_with_the_error_that_is_promised(ties: bool) -> None:
    errors: list[list[float]] = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scores = np.round(rng.beta(2, 8, 20_000), 2 if ties else 9)
        weights, rows = _sample(scores, rng.integers(-(1 << 62), 1 << 62, 20_000), 128).events()
        bounds = np.quantile(scores, [0.2, 0.5, 0.9, 0.97, 0.999])
        above = [(scores.astype(np.float32) >= np.float32(bound)).sum() for bound in bounds]
        errors.append([weights[rows[:, 0] >= np.float32(bound)].sum() / n - 1.0 for bound, n in zip(bounds, above, strict=True)])
    found = np.array(errors)
    promised = 1.0 / np.sqrt(128 / 2)
    assert (np.abs(found.mean(axis=0)) < 4.0 * promised / np.sqrt(200)).all()
    assert (found.std(axis=0) < promised).all()


def test_the_size_is_bounded() -> None:
    sample = _sample(np.random.default_rng(0).random(100_000), np.arange(100_000), 64, parts=50)
    assert len(sample.events()[0]) <= 64 * (np.log2(100_000 / 64) + 2)


def test_a_restored_sample_goes_on_as_if_it_had_never_stopped() -> None:
    scores, keys = np.random.default_rng(0).random(5_000), np.arange(5_000)
    stopped, whole = _sample(scores[:2_000], keys[:2_000], 64), _sample(scores, keys, 64)
    again = TailSample(1, 64)
    again.restore(stopped.state())
    again.add(keys[2_000:], scores[2_000:], scores[2_000:, None])
    assert _same(again, whole)
    assert again.count == whole.count


def test_a_restored_sample_keeps_as_many_events_as_it_did_whatever_new_ones_keep() -> None:
    scores, keys = np.random.default_rng(0).random(50_000), np.arange(50_000)
    whole = _sample(scores, keys, 1_024)
    said = _sample(scores[:20_000], keys[:20_000], 1_024).state()
    for state in (said, {name: array for name, array in said.items() if name != "kept"}):  # the latter is of a version that had one size
        again = TailSample(1, 4_096)
        again.restore(state)
        again.add(keys[20_000:], scores[20_000:], scores[20_000:, None])
        assert _same(again, whole)


def test_the_state_of_a_sample_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        TailSample(2).restore(_sample(np.zeros(3), np.arange(3), 8).state())
