"""Half-Space Trees of keys: for each key, River's trees that saw its rows alone."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray
from river import anomaly, compose, preprocessing

from detectors.half_space.half_space_scoring import HalfSpaceScoring
from detectors.half_space.half_space_trees import HalfSpaceTrees
from detectors.half_space.half_space_trees_of_keys import HalfSpaceTreesOfKeys

KEYS = 4


def run(detector: HalfSpaceTreesOfKeys, slots: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty((len(x), 1 + x.shape[1]))
    detector.score_learn_many(np.zeros((KEYS, detector.width)), slots, x, out)
    return out


def scores_of_river(model: Any, x: NDArray[np.float64]) -> list[float]:
    found = []
    for row in x.tolist():
        values = dict(enumerate(row))
        found.append(model.score_one(values))
        model.learn_one(values)
    return found


@settings(max_examples=examples(20))
@given(
    seed=st.integers(0, 2**31),
    n_trees=st.integers(1, 5),
    height=st.integers(1, 6),
    window_size=st.integers(1, 30),
    inputs=st.integers(1, 4),
)
def test_each_key_is_scored_as_by_rivers_trees_that_saw_its_rows_alone(
    seed: int, n_trees: int, height: int, window_size: int, inputs: int
) -> None:
    generator = np.random.default_rng(seed)
    x, slots = generator.random((160, inputs)), generator.integers(0, KEYS, 160)
    ours = run(HalfSpaceTreesOfKeys(inputs, n_trees, height, window_size, seed=seed, scaling="none"), slots, x)[:, 0]
    for key in range(KEYS):
        river = anomaly.HalfSpaceTrees(n_trees=n_trees, height=height, window_size=window_size, seed=seed)
        np.testing.assert_allclose(ours[slots == key], scores_of_river(river, x[slots == key]), rtol=0, atol=1e-9)


def test_a_key_has_a_scaling_of_its_own_as_behind_rivers_min_max_scaler() -> None:
    generator = np.random.default_rng(5)
    slots = generator.integers(0, KEYS, 600)
    x = generator.lognormal(3.0, 1.0, (600, 2)) * 10.0 ** slots[:, None] - 20.0
    ours = run(HalfSpaceTreesOfKeys(2, n_trees=6, height=5, window_size=40, seed=3, scaling="min_max"), slots, x)[:, 0]
    for key in range(KEYS):
        trees = anomaly.HalfSpaceTrees(n_trees=6, height=5, window_size=40, seed=3)
        river = compose.Pipeline(preprocessing.MinMaxScaler(), trees)
        np.testing.assert_allclose(ours[slots == key], scores_of_river(river, x[slots == key]), rtol=0, atol=1e-9)
    assert len(np.unique(ours)) > 50


@pytest.mark.parametrize("scaling", ["min_max", "standard"])
def test_a_missing_input_falls_as_in_the_trees_of_all_events(scaling: str) -> None:
    generator = np.random.default_rng(6)
    x = generator.normal(50.0, 9.0, (300, 3))
    x[generator.random((300, 3)) < 0.15] = np.nan
    x = x[np.isnan(x).sum(axis=1) < 2]
    all_events = HalfSpaceTrees(3, n_trees=5, height=4, window_size=30, scaling=scaling)
    ours = run(HalfSpaceTreesOfKeys(3, n_trees=5, height=4, window_size=30, scaling=scaling), np.zeros(len(x), np.int64), x)
    for row, said in zip(x, ours, strict=True):
        np.testing.assert_allclose(said[0], all_events.score_one(row), rtol=0, atol=1e-12)
        all_events.learn_one(row)


def test_shares_of_inputs_are_those_of_the_trees_of_all_events_and_name_the_input_that_is_strange() -> None:
    generator = np.random.default_rng(7)
    x = generator.normal(50.0, 5.0, (400, 3))
    x[-1, 1] = 300.0
    keyed, all_events = HalfSpaceTreesOfKeys(3, n_trees=12), HalfSpaceTrees(3, n_trees=12, height=4, window_size=64, scaling="standard")
    ours = run(keyed, np.zeros(400, np.int64), x)
    all_events.learn_many(x[:-1])
    scoring = HalfSpaceScoring(all_events.snapshot())
    np.testing.assert_allclose(ours[-1, 1:], scoring.contributions_many(x[-1:])[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours[64:, 0] - ours[64:, 1:].sum(axis=1), scoring.base, rtol=0, atol=1e-12)
    assert ours[-1, 1:].argmax() == 1


def test_a_key_takes_a_kilobyte_and_one_that_would_take_too_much_is_refused() -> None:
    assert HalfSpaceTreesOfKeys().width * 8 == 1_024
    with pytest.raises(ValueError, match="bytes a key"):
        HalfSpaceTreesOfKeys(n_trees=50, height=10)
    with pytest.raises(ValueError, match="window_size"):
        HalfSpaceTreesOfKeys(window_size=5_000)
