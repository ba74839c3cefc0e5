"""When another model takes a place, the share of events above each score stays, but for what a sample of events can tell.

The bars are those of the models' page: 2 % of a share of at least 1 in 100, and 5 % of one of 1 in 1,000.
"""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.regression.logistic_regression import LogisticRegression, LogisticScoring
from pipeline.engine.learners.stable_scale import REFERENCE_EVENTS, StableScale

SHARES = np.array([0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001])
BARS = np.array([0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.05])
FRESH = 2_000_000
DRAWS = [7, *(pytest.param(draw, marks=pytest.mark.long) for draw in range(8, 15))]


class Swapped(NamedTuple):
    """By how much the share of fresh events above each score moved, as a share of itself.

    Args:
        replaced: when the model in a place is replaced.
        promoted: when its challenger is promoted.
    """

    replaced: NDArray[np.float64]
    promoted: NDArray[np.float64]


def trained(draw: np.random.Generator, count: int, learning_rate: float) -> LogisticScoring:
    learner = LogisticRegression(3, learning_rate=learning_rate)
    x = draw.normal(size=(count, 3))
    odds = 2.0 * x[:, 0] + 1.5 * x[:, 1] - 6.0
    learner.learn_many(x, (draw.random(count) < 1.0 / (1.0 + np.exp(-odds))).astype(np.float64))
    return LogisticScoring(learner.snapshot())


@pytest.fixture(scope="module", params=DRAWS)
def swapped(request: pytest.FixtureRequest) -> Swapped:
    """Two models that were trained on other rows, whose scales have seen twice the events that complete them."""
    draw = np.random.default_rng(request.param)
    old, new = trained(draw, 20_000, 0.01), trained(draw, 40_000, 0.1)
    champion, challenger = StableScale(3), StableScale(3)
    for first in range(0, 2 * REFERENCE_EVENTS + 40_000, 20_000):
        x, keys = draw.normal(size=(20_000, 3)), np.arange(first, first + 20_000)
        for scale, model in ((champion, old), (challenger, new)):
            scale.see(keys, model.score_many(x), x)
            scale.fit(model.score_many)
    before, beside = champion.map, challenger.map
    after = champion.fit(new.score_many)
    assert before is not None and beside is not None and after is not None
    fresh = draw.normal(size=(FRESH, 3))
    by_old, by_new = old.score_many(fresh), new.score_many(fresh)
    assert np.corrcoef(by_old, by_new)[0, 1] < 0.99, "they are two models"

    def above(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([np.mean(scores >= 1.0 - share) for share in SHARES])

    held = above(before.apply(by_old))
    return Swapped(above(after.apply(by_new)) / held - 1.0, above(beside.apply(by_new)) / held - 1.0)


@pytest.mark.parametrize("how", ["replaced", "promoted"])
def test_the_share_above_a_score_moves_by_two_hundredths_of_it_at_most(swapped: Swapped, how: str) -> None:
    assert (np.abs(getattr(swapped, how)) < BARS).all(), np.round(getattr(swapped, how), 4)
