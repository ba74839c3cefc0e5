"""River's Half-Space Trees, number for number where nothing is missing."""

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray
from river import anomaly, compose, preprocessing

from detectors.half_space.half_space_scoring import HalfSpaceScoring
from detectors.half_space.half_space_trees import HalfSpaceTrees

Stream = tuple[NDArray[np.float64], NDArray[np.float64]]


def present(row: NDArray[np.float64]) -> dict[int, float]:
    return {position: value for position, value in enumerate(row.tolist()) if value == value}


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(
    seed=st.integers(0, 2**31),
    n_trees=st.integers(1, 6),
    height=st.integers(1, 7),
    window_size=st.integers(1, 60),
    inputs=st.integers(1, 5),
)
def test_scores_equal_rivers_after_every_row(seed: int, n_trees: int, height: int, window_size: int, inputs: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.random((150, inputs))
    ours = HalfSpaceTrees(inputs, n_trees, height, window_size, seed=seed)
    river = anomaly.HalfSpaceTrees(n_trees=n_trees, height=height, window_size=window_size, seed=seed)
    for row in x:
        ours.learn_one(row)
        river.learn_one(present(row))
        assert ours.score_one(row) == pytest.approx(river.score_one(present(row)), rel=0, abs=1e-9)


def test_scores_equal_rivers_behind_a_min_max_scaler(stream: Stream, later: NDArray[np.float64]) -> None:
    x = stream[0][~np.isnan(stream[0]).any(axis=1)]
    ours = HalfSpaceTrees(5, n_trees=10, height=8, window_size=250, seed=3, scaling="min_max")
    river = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=3))
    ours.learn_many(x)
    for row in x:
        river.learn_one(present(row))
    scores = ours.score_many(later)
    np.testing.assert_allclose(scores, [river.score_one(present(row)) for row in later], rtol=0, atol=1e-9)
    assert len(np.unique(scores)) > 100


def test_scores_equal_rivers_within_other_limits() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(800, 3)) * [1.0, 20.0, 0.1]
    limits = [(-3.0, 3.0), (-50.0, 70.0), (0.0, 0.2)]
    ours = HalfSpaceTrees(3, seed=9, limits=limits)
    river = anomaly.HalfSpaceTrees(seed=9, limits=dict(enumerate(limits)))
    ours.learn_many(x)
    for row in x:
        river.learn_one(present(row))
    np.testing.assert_allclose(ours.score_many(x), [river.score_one(present(row)) for row in x], rtol=0, atol=1e-9)


def test_a_row_far_from_all_others_scores_above_nearly_all_whatever_the_scaling() -> None:
    generator = np.random.default_rng(2)
    usual = generator.normal(50.0, 5.0, size=(2_000, 2))
    for scaling in ("min_max", "standard"):
        trees = HalfSpaceTrees(2, n_trees=25, scaling=scaling)
        trees.learn_many(np.vstack(([[90.0, 90.0]], usual)))
        assert trees.score_one(np.array([90.0, 90.0])) > np.quantile(trees.score_many(usual), 0.99)


@pytest.mark.parametrize("rows_of_the_window", [0, 1, 10, 500, 1_999])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_input_makes_no_more_rows_strange_whatever_part_of_a_window_is_full(rows_of_the_window: int, missing: int) -> None:
    generator = np.random.default_rng(1)
    x = np.column_stack((generator.lognormal(3, 1, 9_000), generator.poisson(3, 9_000), generator.lognormal(4, 1, 9_000)))
    trees = HalfSpaceTrees(3, n_trees=50, height=6, window_size=2_000, scaling="standard", seed=2)
    trees.learn_many(x[: 6_000 + rows_of_the_window])
    scoring = HalfSpaceScoring(trees.snapshot())
    later = x[8_000:].copy()
    strange = np.mean(scoring.probability_many(scoring.score_many(later)) >= 0.95)
    later[:, missing] = np.nan
    assert np.mean(scoring.probability_many(scoring.score_many(later)) >= 0.95) <= 1.5 * strange


def test_the_probability_is_the_share_of_recent_rows_that_scored_lower(stream: Stream) -> None:
    trees = HalfSpaceTrees(5, scaling="standard", recent_scores=1_000)
    trees.learn_many(stream[0])
    scoring = HalfSpaceScoring(trees.snapshot())
    recent = trees.state()["recent_scores"]
    for share in (0.1, 0.5, 0.9, 0.99):
        assert scoring.probability_many(np.array([np.quantile(recent, share)]))[0] == pytest.approx(share, abs=0.02)


def test_recent_scores_are_those_a_row_had_before_it_was_learned(stream: Stream) -> None:
    x = np.nan_to_num(stream[0][:900]) / 1_000.0
    trees = HalfSpaceTrees(5, window_size=100, recent_scores=800)
    before = []
    for row in x:
        before.append(trees.score_one(row))
        trees.learn_one(row)
    np.testing.assert_array_equal(trees.state()["recent_scores"], before[100:])


def test_nothing_is_said_before_the_first_window_is_full() -> None:
    trees = HalfSpaceTrees(2, window_size=10)
    trees.learn_many(np.random.default_rng(0).random((9, 2)))
    scoring = HalfSpaceScoring(trees.snapshot())
    raw = scoring.score_many(np.full((3, 2), 0.5))
    assert raw.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(scoring.probability_many(raw)).all()


def test_the_input_that_is_strange_gets_the_largest_contribution() -> None:
    generator = np.random.default_rng(4)
    trees = HalfSpaceTrees(3, n_trees=50, scaling="standard")
    trees.learn_many(generator.normal(size=(5_000, 3)))
    shares = HalfSpaceScoring(trees.snapshot()).contributions_many(np.eye(3) * 7.0)
    assert shares.argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_trees": 0},
        {"height": 0},
        {"height": 17},
        {"window_size": 0},
        {"n_trees": 1_000, "height": 16},
        {"scaling": "log"},
        {"limits": [(0.0, 1.0)]},
        {"limits": [(0.0, 1.0), (1.0, 1.0)]},
        {"recent_scores": 0},
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="got"):
        HalfSpaceTrees(2, **parameters)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("name", ["n_trees", "height", "window_size", "seed", "recent_scores"])
def test_fractions_for_whole_numbers_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match="integer"):
        HalfSpaceTrees(2, **{name: 2.5})  # type: ignore[arg-type]  # wrong on purpose
