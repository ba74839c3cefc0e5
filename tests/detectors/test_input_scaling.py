"""Running figures that bring inputs near the unit interval."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from river import preprocessing

from detectors.input_scaling import SCALINGS, newborn, scale_rows


def scaled(scaling: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty_like(x)
    scale_rows(SCALINGS.index(scaling), True, newborn(scaling, x.shape[1]), x, out)
    return out


@settings(deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_min_max_equals_rivers(values: list[float]) -> None:
    river = preprocessing.MinMaxScaler()
    expected = []
    for value in values:
        river.learn_one({"x": value})
        expected.append(river.transform_one({"x": value})["x"])
    np.testing.assert_allclose(scaled("min_max", np.array(values).reshape(-1, 1))[:, 0], expected, rtol=0, atol=1e-12)


def test_standard_puts_the_mean_in_the_middle_and_eight_deviations_at_the_ends() -> None:
    x = np.random.default_rng(0).normal(100.0, 5.0, (20_000, 1))
    figures = newborn("standard", 1)
    scale_rows(2, True, figures, x, np.empty_like(x))
    out = np.empty((3, 1))
    mean, deviation = x.mean(), x.std()
    scale_rows(2, False, figures, np.array([[mean], [mean + 8 * deviation], [mean - 8 * deviation]]), out)
    np.testing.assert_allclose(out[:, 0], [0.5, 1.0, 0.0], atol=1e-9)


def test_scaling_without_learning_leaves_the_figures() -> None:
    for position, scaling in enumerate(SCALINGS):
        figures = newborn(scaling, 2)
        before = figures.copy()
        scale_rows(position, False, figures, np.ones((3, 2)), np.empty((3, 2)))
        assert figures.tobytes() == before.tobytes()


@pytest.mark.parametrize("scaling", SCALINGS)
def test_missing_inputs_stay_missing_and_are_not_learned(scaling: str) -> None:
    with_gaps = np.array([[1.0], [np.nan], [3.0], [np.inf], [2.0]])
    out = scaled(scaling, with_gaps)[:, 0]
    assert np.isnan(out[[1, 3]]).all()
    np.testing.assert_array_equal(out[[0, 2, 4]], scaled(scaling, with_gaps[[0, 2, 4]])[:, 0])
