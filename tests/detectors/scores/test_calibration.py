"""Probabilities by score, with their intervals."""

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.scores.calibration import BINS, CLASS_MIN, EDGES, Calibration, bins_of, fit_calibration

_COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=BINS, max_size=BINS)
_MIDDLES = (np.concatenate(([0.0], EDGES)) + np.concatenate((EDGES, [1.0]))) / 2.0


def _table(negatives: NDArray[np.float64], positives: NDArray[np.float64]) -> NDArray[np.float64] | None:
    found = fit_calibration(negatives, positives)
    return found.apply(_MIDDLES) if found is not None else None


@settings(deadline=None)
@given(_COUNTS)
def test_probabilities_and_their_intervals_never_fall_where_scores_rise(counts: list[tuple[int, int]]) -> None:
    both = np.array(counts, np.float64)
    table = _table(both[:, 0], both[:, 1])
    if table is None:
        assert both.sum(axis=0).min() < CLASS_MIN
        return
    assert (np.diff(table, axis=0) >= 0.0).all()
    assert ((table[:, 1] <= table[:, 0]) & (table[:, 0] <= table[:, 2])).all()
    assert table.min() >= 0.0
    assert table.max() <= 1.0


@settings(deadline=None, max_examples=examples(30))
@given(_COUNTS)
def test_the_probabilities_are_the_closest_that_do_not_fall(counts: list[tuple[int, int]]) -> None:
    both = np.array(counts, np.float64)
    table, events = _table(both[:, 0], both[:, 1]), both.sum(axis=1)
    if table is None:
        return
    for first in range(BINS):  # the formula of the isotonic regression: the greatest of the least means
        least = [
            max(both[low : high + 1, 1].sum() / events[low : high + 1].sum() for low in range(first + 1) if events[low : high + 1].sum())
            for high in range(first, BINS)
            if events[: high + 1].sum()
        ]
        if events[first]:
            assert table[first, 0] == pytest.approx(min(least))


@settings(deadline=None, max_examples=examples(10))
@given(_COUNTS)
def test_the_interval_holds_what_one_event_more_would_say_by_either_outcome(counts: list[tuple[int, int]]) -> None:
    both = np.array(counts, np.float64)
    table = _table(both[:, 0], both[:, 1])
    if table is None:
        return
    for at, outcome in itertools.product(range(BINS), (0, 1)):
        more = both.copy()
        more[at, outcome] += 1.0
        if (there := _table(more[:, 0], more[:, 1])) is not None:
            assert table[at, 1] - 1e-12 <= there[at, 0] <= table[at, 2] + 1e-12


@pytest.mark.parametrize("shape", ["steep", "flat", "rare"])
def test_the_interval_holds_the_true_probability_at_least_as_often_as_it_says(shape: str) -> None:
    truth = {"steep": lambda s: s**6, "flat": lambda s: 0.02 + 0.0 * s, "rare": lambda s: 0.002 + 0.9 * (s > 0.995)}[shape]
    held = total = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        scores = rng.random(20_000)
        probability = truth(scores)
        positive, bins = rng.random(20_000) < probability, bins_of(scores)
        positives, events = np.bincount(bins[positive], minlength=BINS), np.bincount(bins, minlength=BINS)
        table = _table((events - positives).astype(np.float64), positives.astype(np.float64))
        assert table is not None
        seen = events >= 20
        mean = np.bincount(bins, probability, BINS)[seen] / events[seen]
        held += int(((table[seen, 1] <= mean) & (mean <= table[seen, 2])).sum())
        total += int(seen.sum())
    assert held / total >= 0.95 - 3.0 * np.sqrt(0.05 * 0.95 / total)


@pytest.mark.parametrize(("negatives", "positives"), [(CLASS_MIN - 1, 500), (500, CLASS_MIN - 1)])
def test_too_few_labels_of_a_class_give_no_probability(negatives: int, positives: int) -> None:
    counts = np.zeros((2, BINS))
    counts[0, 3], counts[1, 9] = negatives, positives
    assert fit_calibration(counts[0], counts[1]) is None
    counts += 1.0
    assert fit_calibration(counts[0], counts[1]) is not None


def test_a_missing_score_has_no_probability_and_a_restored_calibration_gives_the_same_bits() -> None:
    first = fit_calibration(np.linspace(500, 1, BINS), np.linspace(1, 90, BINS))
    assert first is not None
    again = Calibration.from_arrays(first.arrays())
    scores = np.array([0.0, 0.2, 0.999, 1.0, np.nan])
    assert again is not None
    assert again.apply(scores).tobytes() == first.apply(scores).tobytes()
    assert np.isnan(first.apply(scores)[4]).all()
    assert Calibration.from_arrays({}) is None


@pytest.mark.parametrize("cell", [-0.1, 1.1, np.nan])
def test_a_table_that_no_calibration_can_have_is_refused(cell: float) -> None:
    table = np.full((BINS, 3), 0.5)
    table[4, 1] = cell
    with pytest.raises(ValueError, match="probabilities"):
        Calibration.from_arrays({"table": table})
