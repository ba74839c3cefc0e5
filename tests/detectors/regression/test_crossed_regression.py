"""Logistic regression on bins and crosses: River's on the same row spelled out as ones, and what it adds to one on plain numbers."""

import numpy as np
import pytest
from numpy.typing import NDArray
from river import linear_model, optim

from detectors.regression.crossed_regression import CrossedLogisticRegression
from detectors.regression.crossed_scoring import CrossedScoring

EDGES = [[0.3, 0.6], [0.5]]


def ones_of(row: NDArray[np.float64]) -> dict[str, int]:
    """The row in the form that River takes: a one for each bin and for the cross of both."""
    bins = ["none" if np.isnan(value) else sum(edge <= value for edge in edges) for value, edges in zip(row, EDGES, strict=True)]
    return {f"a{bins[0]}": 1, f"b{bins[1]}": 1, f"a{bins[0]} b{bins[1]}": 1}


@pytest.fixture(scope="module")
def stream() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels that follow whether both inputs lie on the same side of a half: neither alone says anything."""
    generator = np.random.default_rng(3)
    x = generator.random((4_000, 2))
    y = (generator.random(4_000) < np.where((x[:, 0] < 0.5) == (x[:, 1] < 0.5), 0.8, 0.1)).astype(np.float64)
    x[generator.random(x.shape) < 0.05] = np.nan
    return x, y


def test_it_equals_river_on_the_row_spelled_out_as_ones(stream: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    x, y = stream[0][:600], stream[1][:600]
    x[5] = [0.3, 0.5]  # an edge belongs to the bin above it
    ours = CrossedLogisticRegression(2, edges=EDGES, crosses=[[0, 1]], learning_rate=0.1, intercept_lr=0.02)
    river = linear_model.LogisticRegression(optimizer=optim.SGD(0.1), intercept_lr=0.02)
    for first in range(0, 600, 100):
        wanted = [river.predict_proba_one(ones_of(row))[True] for row in x]
        np.testing.assert_allclose(ours.score_many(x), wanted, rtol=1e-9, atol=1e-12)
        ours.learn_many(x[first : first + 100], y[first : first + 100])
        for row, label in zip(x[first : first + 100], y[first : first + 100], strict=True):
            river.learn_one(ones_of(row), bool(label))


def test_a_cross_finds_what_no_input_says_alone_and_its_weight_is_shared(stream: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    plain, crossed = CrossedLogisticRegression(2), CrossedLogisticRegression(2, crosses=[[0, 1]], buckets=128)
    for learner in (plain, crossed):
        learner.learn_many(*stream)
    rows = np.array([[0.1, 0.1], [0.1, 0.9], [0.9, 0.9]])
    assert np.ptp(plain.score_many(rows)) < 0.2
    alike, apart, again = crossed.score_many(rows).tolist()
    assert min(alike, again) > apart + 0.15
    shares = CrossedScoring(crossed.snapshot()).contributions_many(rows)
    assert (shares[0] > 0.0).all()
    assert np.ptp(shares[0]) < np.ptp(shares[:, 0])


def test_crosses_of_more_bins_than_buckets_share_them_and_stay_within(stream: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    x = np.column_stack((stream[0], stream[0][:, ::-1]))
    learner = CrossedLogisticRegression(4, bins=64, crosses=[[0, 1, 2], [1, 3]], buckets=16)
    learner.learn_many(x, stream[1])
    used = learner.snapshot()["weights"][-32:].reshape(2, 16)
    assert np.count_nonzero(used, axis=1).tolist() == [16, 16]


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"crosses": [[0, 2]]}, "crosses"),
        ({"crosses": [[0, 0]]}, "crosses"),
        ({"crosses": [[1]]}, "crosses"),
        ({"edges": [[1.0], [2.0, 1.0]]}, "edges"),
        ({"edges": [[1.0]]}, "edges"),
        ({"buckets": 100}, "buckets"),
        ({"bins": 65}, "bins"),
        ({"fit_rows": 0}, "fit_rows"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        CrossedLogisticRegression(2, **parameters)
