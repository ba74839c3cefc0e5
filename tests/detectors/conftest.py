"""Streams that the detectors' tests share."""

import numpy as np
import pytest
from numpy.typing import NDArray

INPUTS = 5


def payments(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Skewed amounts, counts, a flag that seldom changes, a share that is often absent, and labels that follow them."""
    generator = np.random.default_rng(seed)
    amount = np.round(generator.lognormal(3.5, 1.0, rows), 2)
    count = generator.poisson(4, rows).astype(np.float64)
    mean = np.round(generator.lognormal(3.5, 0.4, rows), 2)
    flag = (generator.random(rows) < 0.2).astype(np.float64)
    share = np.where(generator.random(rows) < 0.3, np.nan, np.round(generator.beta(0.2, 5.0, rows), 2))
    log_odds = 0.8 * np.log1p(amount) + flag + 4.0 * np.nan_to_num(share) - 5.0
    labels = (generator.random(rows) < 1.0 / (1.0 + np.exp(-log_odds))).astype(np.float64)
    return np.column_stack((amount, count, mean, flag, share)), labels


@pytest.fixture
def stream() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """3,000 rows of five inputs, the last of them missing in 3 of 10, and their labels."""
    return payments(3_000, seed=11)


@pytest.fixture
def later() -> NDArray[np.float64]:
    """500 more rows, without labels."""
    return payments(500, seed=12)[0]
