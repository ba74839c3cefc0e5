"""What every learner of the catalogue promises, found there by itself."""

import doctest
import importlib
import inspect
import itertools
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

import detectors
from detectors.catalogue import KEYED, LEARNERS, Arrays, Learner, score_from
from detectors.snapshot import Snapshot

Stream = tuple[NDArray[np.float64], NDArray[np.float64]]

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in LEARNERS),
    ("anomaly.HalfSpaceTrees", {"scaling": "min_max", "n_trees": 3, "height": 4, "window_size": 70, "recent_scores": 100}),
    ("anomaly.HalfSpaceTrees", {"scaling": "standard", "n_trees": 1, "height": 1, "window_size": 1, "recent_scores": 1}),
    ("combine.Cauchy", {"recent": 70}),
    ("combine.WeightedCauchy", {"recent": 70, "positives": 10}),
    ("linear_model.CrossedLogisticRegression", {"bins": 4, "crosses": [[0, 1], [1, 0]], "buckets": 8, "fit_rows": 60}),
    ("linear_model.LogisticRegression", {"learning_rate": 0.2, "learning_rate_power": 0.5, "l2": 0.01, "weight_positive": 3.0}),
    ("linear_model.LogisticRegression", {"clip_gradient": 0.1, "intercept_lr": 0.0}),
]
every_learner = pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=lambda value: str(value))


def same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def taught(name: str, parameters: dict[str, Any], stream: Stream) -> Learner:
    learner = LEARNERS[name](stream[0].shape[1], **parameters)
    learner.learn_many(*stream)
    return learner


def classes_of_package() -> Iterator[type]:
    """All but those that run a model of River: what they are is named in a definition, and not in the catalogue."""
    for module in pkgutil.walk_packages(detectors.__path__, "detectors."):
        if module.name.startswith("detectors.river"):
            continue
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if member.__module__ == module.name and not getattr(member, "_is_protocol", False):
                yield member


def test_every_learner_and_keyed_detector_of_the_package_is_in_the_catalogue() -> None:
    learners = {each for each in classes_of_package() if hasattr(each, "learn_many") and hasattr(each, "restore")}
    keyed = {each for each in classes_of_package() if hasattr(each, "score_learn_many")}
    assert learners == set(LEARNERS.values())
    assert keyed == set(KEYED.values())


@pytest.mark.parametrize("name", LEARNERS)
def test_the_example_of_a_docstring_runs(name: str) -> None:
    found = doctest.testmod(sys.modules[LEARNERS[name].__module__])
    assert found.attempted > 0
    assert found.failed == 0


@every_learner
def test_scoring_changes_nothing(name: str, parameters: dict[str, Any], stream: Stream, later: NDArray[np.float64]) -> None:
    learner = taught(name, parameters, stream)
    before, published = learner.state(), learner.snapshot()
    first = learner.score_many(later)
    assert np.array_equal(first, learner.score_many(later))
    assert same(before, learner.state())
    scoring = score_from(name, published)
    assert np.array_equal(scoring.score_many(later), scoring.score_many(later))
    scoring.contributions_many(later)
    assert same(published, learner.snapshot())


@every_learner
def test_a_decoded_snapshot_scores_as_the_live_model(
    name: str, parameters: dict[str, Any], stream: Stream, later: NDArray[np.float64]
) -> None:
    learner = taught(name, parameters, stream)
    live = learner.score_many(later)
    decoded = Snapshot.decode(Snapshot("m", "hash", 1, 0, learner.snapshot()).encode())
    learner.learn_many(later, np.zeros(len(later)))
    assert np.array_equal(score_from(name, decoded.arrays).score_many(later), live)
    assert not np.isnan(live).any()


@every_learner
def test_published_arrays_are_copies(name: str, parameters: dict[str, Any], stream: Stream, later: NDArray[np.float64]) -> None:
    learner = taught(name, parameters, stream)
    state, published, live = learner.state(), learner.snapshot(), learner.score_many(later)
    scoring = score_from(name, published)
    for array in (*state.values(), *published.values()):
        array[...] = 0
    assert np.array_equal(learner.score_many(later), live)
    assert np.array_equal(scoring.score_many(later), live)


@every_learner
@pytest.mark.parametrize("at", [1, 137, 1_000])
def test_a_restored_learner_goes_on_bit_for_bit(name: str, parameters: dict[str, Any], at: int, stream: Stream) -> None:
    x, y = stream
    first = taught(name, parameters, (x[:at], y[:at]))
    second = LEARNERS[name](x.shape[1], **parameters)
    second.restore(Snapshot.decode(Snapshot("m", "hash", 1, 0, first.state()).encode()).arrays)
    assert same(first.snapshot(), second.snapshot())
    first.learn_many(x[at:], y[at:])
    second.learn_many(x[at:], y[at:])
    assert same(first.state(), second.state())
    assert same(first.snapshot(), second.snapshot())


@every_learner
def test_a_state_of_other_sizes_is_refused_and_changes_nothing(name: str, parameters: dict[str, Any], stream: Stream) -> None:
    learner = taught(name, parameters, stream)
    before = learner.state()
    for state in (LEARNERS[name](2, **parameters).state(), {}):
        with pytest.raises(ValueError, match="array"):
            learner.restore(state)
    assert same(before, learner.state())


@pytest.mark.slow
@every_learner
@settings(max_examples=examples(25))
@given(cuts=st.lists(st.integers(0, 600), max_size=6))
def test_many_small_calls_equal_one_large_call(name: str, parameters: dict[str, Any], cuts: list[int]) -> None:
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(600, 3)), (generator.random(600) < 0.3).astype(np.float64)
    x[generator.random(x.shape) < 0.1] = np.nan
    whole = taught(name, parameters, (x, y))
    pieces = LEARNERS[name](3, **parameters)
    edges = [0, *sorted(cuts), 600]
    for first, last in itertools.pairwise(edges):
        pieces.learn_many(x[first:last], y[first:last])
    assert same(whole.state(), pieces.state())
    assert same(whole.snapshot(), pieces.snapshot())


@every_learner
def test_a_row_scores_the_same_alone_as_in_a_batch(
    name: str, parameters: dict[str, Any], stream: Stream, later: NDArray[np.float64]
) -> None:
    scoring = score_from(name, taught(name, parameters, stream).snapshot())
    alone = np.concatenate([scoring.score_many(later[row : row + 1]) for row in range(len(later))])
    assert np.array_equal(alone, scoring.score_many(later))


@every_learner
def test_memory_does_not_grow(name: str, parameters: dict[str, Any], stream: Stream) -> None:
    learner = LEARNERS[name](stream[0].shape[1], **parameters)
    sizes = set()
    for _ in range(10):
        learner.learn_many(*stream)
        sizes.add(sum(array.nbytes for array in learner.state().values()))
        assert len(Snapshot("m", "hash", 1, 0, learner.snapshot()).encode()) < 1_000_000
    assert len(sizes) == 1


@every_learner
@pytest.mark.parametrize("rows", [0, 1, 3_000])
def test_contributions_and_base_add_up_to_the_score_on_its_scale(
    name: str, parameters: dict[str, Any], rows: int, stream: Stream, later: NDArray[np.float64]
) -> None:
    scoring = score_from(name, taught(name, parameters, (stream[0][:rows], stream[1][:rows])).snapshot())
    total = scoring.base + scoring.contributions_many(later).sum(axis=1)
    raw = scoring.score_many(later)
    on_scale = np.log(raw / (1.0 - raw)) if scoring.scale == "log_odds" else raw
    np.testing.assert_allclose(total, on_scale, rtol=1e-9, atol=1e-12)


@every_learner
def test_probability_lies_in_the_unit_interval_and_never_falls_where_the_score_rises(
    name: str, parameters: dict[str, Any], stream: Stream, later: NDArray[np.float64]
) -> None:
    scoring = score_from(name, taught(name, parameters, stream).snapshot())
    raw = np.sort(np.concatenate((scoring.score_many(later), np.linspace(0.0, 1.0, 101))))
    probability = scoring.probability_many(raw)
    assert probability.min() >= 0.0
    assert probability.max() <= 1.0
    assert (np.diff(probability) >= 0.0).all()


@every_learner
@pytest.mark.parametrize("value", [0.0, 9.99, np.nan])
def test_rows_that_are_all_alike_are_not_strange(name: str, parameters: dict[str, Any], value: float) -> None:
    learner = LEARNERS[name](3, **parameters)
    x = np.full((1_000, 3), value)
    for first in range(0, 1_000, 50):
        learner.learn_many(x[first : first + 50], np.zeros(50))
        scoring = score_from(name, learner.snapshot())
        probability = scoring.probability_many(scoring.score_many(x[:1]))
        assert np.isnan(probability[0]) or probability[0] <= 0.51


@every_learner
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e100, -1e100, 5e-324])
def test_no_input_breaks_a_learner(name: str, parameters: dict[str, Any], value: float, stream: Stream) -> None:
    learner = taught(name, parameters, stream)
    x = stream[0][:50].copy()
    x[::7] = value
    learner.learn_many(x, np.ones(50))
    scoring = score_from(name, learner.snapshot())
    assert np.isfinite(scoring.score_many(x)).all()
    assert np.isfinite(scoring.contributions_many(x)).all()


@every_learner
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1.01e100])
def test_an_input_beyond_all_measure_counts_as_missing(name: str, parameters: dict[str, Any], value: float, stream: Stream) -> None:
    x, y = stream
    infinite = np.where(np.isnan(x), value, x)
    assert same(taught(name, parameters, (x, y)).state(), taught(name, parameters, (infinite, y)).state())


@every_learner
def test_rows_of_another_width_are_refused(name: str, parameters: dict[str, Any], stream: Stream) -> None:
    learner = taught(name, parameters, stream)
    narrow = stream[0][:, :4]
    for call in (
        learner.score_many,
        score_from(name, learner.snapshot()).score_many,
        score_from(name, learner.snapshot()).contributions_many,
    ):
        with pytest.raises(ValueError, match="expected rows of 5 inputs"):
            call(narrow)
    with pytest.raises(ValueError, match="expected rows of 5 inputs"):
        learner.learn_many(narrow, stream[1])


@every_learner
def test_a_snapshot_with_an_array_missing_or_cut_is_refused(name: str, parameters: dict[str, Any], stream: Stream) -> None:
    published = taught(name, parameters, stream).snapshot()
    for spoiled in published:
        with pytest.raises(ValueError, match=spoiled):
            score_from(name, {array: published[array] for array in published if array != spoiled})
        with pytest.raises(ValueError, match="expected"):
            score_from(name, {**published, spoiled: published[spoiled].astype(np.float32)})


@pytest.mark.parametrize("name", LEARNERS)
def test_parameters_out_of_range_or_unknown_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="inputs"):
        LEARNERS[name](0)
    with pytest.raises(TypeError):
        LEARNERS[name](3, no_such_parameter=1)


def test_only_a_labelled_learner_asks_for_labels(stream: Stream) -> None:
    for name, learner_class in LEARNERS.items():
        learner = learner_class(stream[0].shape[1])
        if learner.labelled:
            with pytest.raises(ValueError, match=f"expected {len(stream[0])} labels"):
                learner.learn_many(stream[0], None)
        else:
            learner.learn_many(stream[0], None)
            assert same(learner.state(), taught(name, {}, stream).state())
