"""What every detector with a state per key promises, found in the catalogue by itself."""

import doctest
import itertools
import sys
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.catalogue import KEYED, Keyed
from detectors.missing import LARGEST

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in KEYED),
    ("anomaly.GaussianScorer", {"grace_period": 0, "one_sided": True}),
    ("anomaly.EWGaussianScorer", {"fading_factor": 0.1, "grace_period": 1}),
    ("anomaly.HalfSpaceTrees", {"window_size": 5, "height": 6, "n_trees": 3, "grace_period": 9}),
    ("anomaly.NearestPrototype", {"prototypes": 2, "radius": 0.1, "fading_factor": 1.0, "grace_period": 0}),
    ("anomaly.NearestPrototype", {"prototypes": 3, "scaling": "none", "radius": 2.0, "fading_factor": 0.0}),
    ("anomaly.NeighbourDensity", {"window_size": 3, "neighbours": 1, "grace_period": 2}),
    ("anomaly.RobustZScorer", {"window_size": 12, "grace_period": 1, "one_sided": True}),
    ("drift.ADWIN", {"clock": 1, "max_buckets": 2, "levels": 3, "delta": 0.3, "scaling": "none"}),
    ("drift.PageHinkley", {"grace_period": 1, "threshold": 0.5, "mode": "down", "scaling": "none", "half_life": 0.0}),
    ("anomaly.SPOT", {"grace_period": 5, "level": 0.6, "peaks": 7, "q": 0.1}),
    ("stats.DecayedQuantile", {"quantile": 0.5, "half_life": 3.0, "grace_period": 1}),
]
every_detector = pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=lambda value: str(value))
OF_VALUES = [variant for variant in VARIANTS if not variant[0].startswith("drift.")]
"""Those whose score is about the value; that of a drift is about the key, and stays when its level has moved."""
every_detector_of_values = pytest.mark.parametrize(("name", "parameters"), OF_VALUES, ids=lambda value: str(value))

KEYS = 7


def run(detector: Keyed, state: NDArray[np.float64], slots: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(len(x), -1.0)
    detector.score_learn_many(state, slots, x, out)
    return out


def values(rows: int, seed: int = 3) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    x = np.round(generator.lognormal(3.0, 1.0, rows), 2)
    x[generator.random(rows) < 0.02] = np.nan
    return generator.integers(0, KEYS, rows), x


@every_detector
@settings(max_examples=examples(25))
@given(cuts=st.lists(st.integers(0, 900), max_size=5))
def test_many_small_calls_equal_one_large_call(name: str, parameters: dict[str, Any], cuts: list[int]) -> None:
    detector = KEYED[name](**parameters)
    slots, x = values(900)
    whole, pieces = np.zeros((KEYS, detector.width)), np.zeros((KEYS, detector.width))
    expected = run(detector, whole, slots, x)
    edges = [0, *sorted(cuts), 900]
    parts = [run(detector, pieces, slots[first:last], x[first:last]) for first, last in itertools.pairwise(edges)]
    assert np.concatenate(parts).tobytes() == expected.tobytes()
    assert pieces.tobytes() == whole.tobytes()


@every_detector
def test_keys_do_not_touch_each_other(name: str, parameters: dict[str, Any]) -> None:
    detector = KEYED[name](**parameters)
    slots, x = values(3_000)
    together = run(detector, np.zeros((KEYS, detector.width)), slots, x)
    for key in range(KEYS):
        own = x[slots == key]
        alone = run(detector, np.zeros((1, detector.width)), np.zeros(len(own), np.int64), own)
        assert np.array_equal(alone, together[slots == key], equal_nan=True)


@every_detector
def test_a_slice_of_wider_rows_gives_the_same_and_its_neighbours_stay(name: str, parameters: dict[str, Any]) -> None:
    detector = KEYED[name](**parameters)
    slots, x = values(2_000)
    own = np.zeros((KEYS, detector.width))
    wide = np.full((KEYS, detector.width + 4), 9.0)
    wide[:, 2:-2] = 0.0
    assert np.array_equal(run(detector, own, slots, x), run(detector, wide[:, 2:-2], slots, x), equal_nan=True)
    assert np.array_equal(wide[:, 2:-2], own)
    assert (wide[:, [0, 1, -2, -1]] == 9.0).all()


@every_detector
def test_scores_lie_in_the_unit_interval_and_are_nan_only_where_the_value_is_missing(name: str, parameters: dict[str, Any]) -> None:
    detector = KEYED[name](**parameters)
    slots, x = values(3_000)
    x[5:3_000:50] = 1e300
    x[6:3_000:50] = -1e300
    x[7:3_000:50] = np.inf
    x[8:3_000:50] = -1e100
    out = run(detector, np.zeros((KEYS, detector.width)), slots, x)
    assert np.array_equal(np.isnan(out), ~(np.abs(x) <= LARGEST))
    assert np.nanmin(out) >= 0.0
    assert np.nanmax(out) <= 1.0


@every_detector
def test_a_missing_value_leaves_the_state_as_it_was(name: str, parameters: dict[str, Any]) -> None:
    detector = KEYED[name](**parameters)
    state = np.zeros((KEYS, detector.width))
    run(detector, state, *values(500))
    before = state.copy()
    run(detector, state, np.arange(KEYS), np.full(KEYS, np.nan))
    assert state.tobytes() == before.tobytes()


@every_detector_of_values
@pytest.mark.parametrize("value", [9.99, 0.0, -3.1, 1e9])
@pytest.mark.parametrize("other", [0.01, 1_000.0, -1_000.0])
def test_a_value_that_nearly_all_of_its_key_equal_is_not_strange(name: str, parameters: dict[str, Any], value: float, other: float) -> None:
    detector = KEYED[name](**parameters)
    for x in (np.full(300, value), np.where(np.arange(300) % 40 == 20, value + other, value)):
        scores = run(detector, np.zeros((1, detector.width)), np.zeros(300, np.int64), x)
        assert scores[x == value].max() <= 0.5


@every_detector_of_values
def test_a_value_far_above_all_others_scores_higher_than_they(name: str, parameters: dict[str, Any]) -> None:
    detector = KEYED[name](**parameters)
    state = np.zeros((1, detector.width))
    usual = np.random.default_rng(8).normal(50.0, 5.0, 2_000)
    scores = run(detector, state, np.zeros(2_001, np.int64), np.append(usual, 500.0))
    assert scores[-1] > scores[1_000:-1].max()
    assert scores[-1] > 0.9


@pytest.mark.parametrize("name", KEYED)
def test_a_value_is_scored_before_it_is_learned_and_not_in_the_grace_period(name: str) -> None:
    detector = KEYED[name](grace_period=10)
    x = np.append(np.tile([1.0, 2.0], 50), 900.0)
    x[9] = 1e6
    scores = run(detector, np.zeros((1, detector.width)), np.zeros(len(x), np.int64), x)
    assert (scores[:10] == 0.0).all()
    again = np.zeros((1, detector.width))
    run(detector, again, np.zeros(100, np.int64), x[:100])
    assert run(detector, again, np.zeros(1, np.int64), x[100:])[0] == scores[100]


@pytest.mark.parametrize("name", KEYED)
def test_parameters_out_of_range_or_unknown_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="grace_period"):
        KEYED[name](grace_period=-1)
    with pytest.raises(TypeError):
        KEYED[name](no_such_parameter=1)


@pytest.mark.parametrize("name", KEYED)
def test_the_example_of_a_docstring_runs(name: str) -> None:
    found = doctest.testmod(sys.modules[KEYED[name].__module__])
    assert found.attempted > 0
    assert found.failed == 0
