"""Which rows say too little for a model."""

import numpy as np
import pytest

from detectors.missing import are_mostly_missing

GONE = np.nan


@pytest.mark.parametrize(
    ("row", "mostly"),
    [
        ([GONE], True),
        ([1.0], False),
        ([GONE, 1.0], False),
        ([GONE, GONE, 1.0], True),
        ([GONE, 1.0, 1.0], False),
        ([np.inf, -1e300, 1.0], True),
        ([0.0, -0.0, GONE, GONE], False),
    ],
)
def test_a_row_is_mostly_missing_when_more_than_half_of_its_inputs_are(row: list[float], mostly: bool) -> None:
    assert are_mostly_missing(np.array([row])).tolist() == [mostly]


def test_each_row_of_a_matrix_counts_by_itself_however_it_lies_in_memory() -> None:
    x = np.array([[GONE, GONE, 1.0], [1.0, 2.0, 3.0]])
    assert are_mostly_missing(np.asfortranarray(x)).tolist() == [True, False]
    assert are_mostly_missing(np.empty((0, 3))).tolist() == []
