"""River's standard scaler and logistic regression, number for number."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray
from river import compose, linear_model, optim, preprocessing

from detectors.regression.logistic_regression import LogisticRegression, LogisticScoring

Stream = tuple[NDArray[np.float64], NDArray[np.float64]]


def present(row: NDArray[np.float64]) -> dict[int, float]:
    return {position: value for position, value in enumerate(row.tolist()) if value == value}


def river_pipeline(**parameters: Any) -> compose.Pipeline:
    return compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(**parameters))


def assert_equal_after(ours: LogisticRegression, river: compose.Pipeline, stream: Stream, later: NDArray[np.float64]) -> None:
    ours.learn_many(*stream)
    for row, label in zip(*stream, strict=True):
        river.learn_one(present(row), bool(label))
    expected = [river.predict_proba_one(present(row))[True] for row in later]
    np.testing.assert_allclose(ours.score_many(later), expected, rtol=1e-9, atol=1e-12)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(
    ("settings_ours", "settings_river"),
    [
        ({}, dict),
        ({"learning_rate": 0.1, "intercept_lr": 0.05}, lambda: {"optimizer": optim.SGD(0.1), "intercept_lr": 0.05}),
        ({"learning_rate": 0.2, "learning_rate_power": 0.3}, lambda: {"optimizer": optim.SGD(optim.schedulers.InverseScaling(0.2, 0.3))}),
        ({"l2": 0.01}, lambda: {"l2": 0.01}),
        ({"clip_gradient": 0.3}, lambda: {"clip_gradient": 0.3}),
        ({"weight_positive": 4.0}, lambda: {"loss": optim.losses.Log(weight_pos=4.0)}),
    ],
    ids=["plain", "rates", "falling rate", "l2", "clipped", "weighted"],
)
def test_probabilities_equal_rivers(
    settings_ours: dict[str, float], settings_river: Callable[[], dict[str, Any]], missing: bool, stream: Stream, later: NDArray[np.float64]
) -> None:
    rows = stream[0] if missing else np.nan_to_num(stream[0])
    assert_equal_after(LogisticRegression(5, **settings_ours), river_pipeline(**settings_river()), (rows, stream[1]), later)


@settings(max_examples=examples(30))
@given(seed=st.integers(0, 2**31), spread=st.sampled_from([1e-6, 1.0, 1e6]), rate=st.sampled_from([0.01, 1.0]))
def test_probabilities_equal_rivers_on_any_scale(seed: int, spread: float, rate: float) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(120, 3)) * spread + spread
    y = (generator.random(120) < 0.4).astype(np.float64)
    ours, river = LogisticRegression(3, learning_rate=rate), river_pipeline(optimizer=optim.SGD(rate))
    for row, label in zip(x, y, strict=True):
        ours.learn_one(row, label)
        river.learn_one(present(row), bool(label))
        assert ours.score_one(row) == pytest.approx(river.predict_proba_one(present(row))[True], rel=1e-9, abs=1e-12)


def test_it_tells_two_classes_apart(stream: Stream) -> None:
    model = LogisticRegression(5)
    model.learn_many(*stream)
    scores = model.score_many(stream[0])
    assert scores[stream[1] == 1].mean() > 1.5 * scores[stream[1] == 0].mean()
    assert scores.mean() == pytest.approx(stream[1].mean(), abs=0.05)


def test_a_missing_input_adds_nothing(stream: Stream) -> None:
    model = LogisticRegression(5)
    model.learn_many(*stream)
    scoring = LogisticScoring(model.snapshot())
    row = stream[0][:1].copy()
    row[0, 2] = np.nan
    assert scoring.contributions_many(row)[0, 2] == 0.0
    nothing = np.full((1, 5), np.nan)
    assert scoring.score_many(nothing)[0] == pytest.approx(1.0 / (1.0 + np.exp(-scoring.base)), rel=1e-12)


def test_one_absurd_row_cannot_throw_a_clipped_model_far_off(stream: Stream) -> None:
    absurd = stream[0][0].copy()
    absurd[0] = 1e90
    moved = {}
    for clip_input in (1e12, 10.0):
        model = LogisticRegression(5, clip_input=clip_input)
        model.learn_many(*stream)
        before = model.snapshot()["weights"][0]
        model.learn_one(absurd, 0.0)
        moved[clip_input] = abs(model.snapshot()["weights"][0] - before)
    assert moved[10.0] <= 0.01 * 10.0
    assert moved[1e12] > 2 * moved[10.0]


@pytest.mark.parametrize("labels", [np.array([0.0, 2.0]), np.array([0.0, np.nan]), np.array([0.0, -1.0]), np.array([0.0])])
def test_other_labels_than_0_and_1_are_refused_and_nothing_is_learned(labels: NDArray[np.float64]) -> None:
    model = LogisticRegression(1)
    with pytest.raises(ValueError, match="labels"):
        model.learn_many(np.ones((2, 1)), labels)
    assert model.state()["running"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate": 0.0},
        {"learning_rate": np.nan},
        {"learning_rate_power": 1.5},
        {"l2": -1.0},
        {"intercept_lr": -0.1},
        {"clip_gradient": 0.0},
        {"weight_positive": 0.0},
        {"clip_input": 0.0},
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        LogisticRegression(2, **parameters)
