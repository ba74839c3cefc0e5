import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.replay.quality import quality_of

ranked = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])), min_size=2, max_size=40)


def by_pairs(rows: list[tuple[int, float]]) -> float:
    """The AUC as its definition has it: the share of (positive, negative) pairs in the right order."""
    positives = [score for label, score in rows if label]
    negatives = [score for label, score in rows if not label]
    wins = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return wins / (len(positives) * len(negatives))


@given(ranked)
def test_the_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in rows], np.int8)
    scores = np.array([score for _, score in rows])
    measured = quality_of(labels, scores)["auc"]
    if len(set(labels.tolist())) < 2:
        assert math.isnan(measured)
    else:
        assert math.isclose(measured, by_pairs(rows), rel_tol=1e-12)


def test_perfect_ranking_has_full_precision_and_recall() -> None:
    measured = quality_of(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.2, 0.8, 0.9]))
    assert measured == {"auc": 1.0, "ap": 1.0, "recall_at_0.1%": 1.0, "recall_at_0.5%": 1.0, "recall_at_1.0%": 1.0}


def test_ties_at_the_top_are_taken_together() -> None:
    measured = quality_of(np.array([1, 0, 1, 0], np.int8), np.array([0.9, 0.9, 0.9, 0.1]))
    assert math.isclose(measured["ap"], 2 / 3)
    assert measured["recall_at_1.0%"] == 0.0


def test_a_missing_score_ranks_lowest() -> None:
    assert quality_of(np.array([1, 0], np.int8), np.array([np.nan, 0.0]))["auc"] == 0.0
