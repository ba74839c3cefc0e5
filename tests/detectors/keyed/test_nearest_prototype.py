"""The distance from the nearest prototype, against the method written down plainly."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.keyed.nearest_prototype import NearestPrototype


def run(detector: NearestPrototype, slots: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full((len(x), 1 + detector.inputs), np.nan)
    detector.score_learn_many(np.zeros((int(slots.max()) + 1, detector.width)), slots, x, out)
    return out


def plain(
    x: NDArray[np.float64], prototypes: int, radius: float, fading_factor: float, scaling: str, grace_period: int
) -> list[list[float]]:
    """The scores and shares of the rows of one key."""
    kept: list[tuple[int, NDArray[np.float64]]] = []  # when each was last near, and where it is
    told, seen, n = [], [np.empty(0)] * x.shape[1], 0
    for row in x:
        here = ~np.isnan(row)
        if 2 * here.sum() < len(row):
            told.append([math.nan] * (1 + len(row)))
            continue
        spreads = [each.std() if len(each) else 0.0 for each in seen]
        units = np.array([1.0 if scaling == "none" else 1.0 / each if each > 0.0 else math.inf for each in spreads])
        near, distance, parts = -1, math.inf, np.zeros(len(row))
        for at, (_, centre) in enumerate(kept):
            with np.errstate(invalid="ignore"):
                away = np.where(here & (row != centre), np.abs(row - centre) * units, 0.0) ** 2
            if math.sqrt(away.sum() * len(row) / here.sum()) < distance or near < 0:
                near, distance, parts = at, math.sqrt(away.sum() * len(row) / here.sum()), away
        score = (1.0 if math.isinf(distance) else distance / (distance + radius)) if kept and n >= grace_period else 0.0
        shares = np.zeros(len(row)) if score == 0.0 or math.isinf(distance) else score * parts / parts.sum()
        told.append([score, *shares])
        n += 1
        means = np.array([each.mean() if len(each) else 0.0 for each in seen])
        seen = [np.append(each, value) if is_here else each for each, value, is_here in zip(seen, row, here, strict=True)]
        if near >= 0 and distance <= radius:
            kept[near] = (n, np.where(here, kept[near][1] + fading_factor * (row - kept[near][1]), kept[near][1]))
        else:
            new = (n, np.where(here, row, means))
            if len(kept) < prototypes:
                kept.append(new)
            else:
                kept[min(range(prototypes), key=lambda at: kept[at][0])] = new
    return told


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"prototypes": 3, "radius": 0.4, "fading_factor": 0.3},
        {"prototypes": 40, "radius": 2.0, "fading_factor": 0.0, "scaling": "none", "grace_period": 0},
    ],
)
def test_scores_and_shares_are_those_of_the_method_written_plainly(parameters: dict[str, Any]) -> None:
    draw = np.random.default_rng(5)
    habits = np.array([[5.0, 9.0, 1.0], [80.0, 20.0, 2.0], [30.0, 2.0, 9.0]])
    x = habits[draw.integers(0, 3, 300)] + draw.normal(0.0, 1.0, (300, 3)) * (1.0 + 20.0 * (draw.random((300, 1)) < 0.05))
    x[draw.random((300, 3)) < 0.15] = np.nan
    whole = {"prototypes": 16, "radius": 1.0, "fading_factor": 0.05, "scaling": "standard", "grace_period": 20} | parameters
    ours = run(NearestPrototype(3, **whole), np.zeros(300, np.int64), x)
    expected = np.array(plain(x, **whole))
    # A row whose inputs never varied before is infinitely far, of which the plain method tells no shares.
    known = ~(np.isclose(expected[:, 0], 1.0) & (expected[:, 1:].sum(axis=1) == 0.0))
    assert np.allclose(ours[known], expected[known], rtol=1e-9, atol=1e-9, equal_nan=True)
    assert np.allclose(ours[:, 0], expected[:, 0], rtol=1e-9, atol=1e-9, equal_nan=True)


def test_a_row_between_two_habits_is_stranger_than_either_and_is_no_longer_once_it_is_done_again() -> None:
    draw = np.random.default_rng(7)
    habits = np.array([[10.0, 1.0], [300.0, 22.0]])[np.arange(400) % 2] + draw.normal(0.0, 0.2, (400, 2))
    between = np.full((6, 2), (10.0, 22.0))
    scores = run(NearestPrototype(2, radius=0.3), np.zeros(406, np.int64), np.vstack([habits, between]))[:, 0]
    assert scores[20:400].max() < 0.5 < scores[400]
    assert scores[401:].max() == 0.0


def test_what_was_not_done_for_longest_is_forgotten_first() -> None:
    x = np.array([1.0, 2.0, 3.0, 1.0, 4.0, 1.0, 2.0])
    scores = run(NearestPrototype(1, prototypes=3, radius=0.5, scaling="none", grace_period=0), np.zeros(7, np.int64), x[:, None])[:, 0]
    assert scores.round(3).tolist() == [0.0, 0.667, 0.667, 0.0, 0.667, 0.0, 0.667]  # the 2 gave way to the 4, and not the 1


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"prototypes": 1}, "prototypes"),
        ({"radius": 0.0}, "radius"),
        ({"fading_factor": 1.5}, "fading_factor"),
        ({"scaling": "min_max"}, "scaling"),
        ({"inputs": 40, "prototypes": 200}, "bytes a key"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        NearestPrototype(**parameters)
