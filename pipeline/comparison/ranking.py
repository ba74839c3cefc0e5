"""How well a model ranks fraud above the rest, and how well its scores are probabilities, for many weightings of days at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EVEN_BINS, TOP_BINS = 1_000, 3_000
"""Scores are told apart by so many shares of events, and the highest ones one by one."""
FALSE_POSITIVES = (0.001, 0.005, 0.01)
"""The shares of legitimate events at which recall is measured."""
_GROUPS = 10
Matrix = NDArray[np.float64]


class Ranking(NamedTuple):
    """Holds what is measured of a model, [w] each: one value a weighting; NaN where it is not defined.

    Args:
        auc: the chance that a fraud scores higher than a legitimate event, ties counting half.
        ap: average precision.
        recalls: [w, `FALSE_POSITIVES`] share of frauds above the score that so many legitimate events exceed.
        calibration: expected calibration error of scores as probabilities, over ten groups of equal size.
    """

    auc: NDArray[np.float64]
    ap: NDArray[np.float64]
    recalls: Matrix
    calibration: NDArray[np.float64]


class Counts:
    """Holds n scored events by unit and bin of score: legitimate ones, frauds, and the sum of scores.

    Args:
        scores: [n] without NaN.
        fraud: [n] whether each event is fraud.
        units: [n] what is drawn together when measures are repeated, such as days, numbered from 0.
        unit_count: how many there are.
    """

    def __init__(self, scores: NDArray[np.float64], fraud: NDArray[np.bool_], units: NDArray[np.int64], unit_count: int) -> None:
        edges = _edges(scores)
        bins = len(edges) - np.searchsorted(edges, scores, side="right")  # the highest scores come first
        width = len(edges) + 1
        cells = units * width + bins
        self._units, self._bins = unit_count, width
        self._of = [
            np.bincount(cells, weights, minlength=unit_count * width).reshape(unit_count, width)
            for weights in ((~fraud).astype(np.float64), fraud.astype(np.float64), scores)
        ]

    def rank(self, weights: Matrix) -> Ranking:
        """Measures under each row of `weights` [w, units], which say how often each unit counts. It costs O(w · units · bins)."""
        legitimate, fraud, score = (weights @ each for each in self._of)
        false, true = np.cumsum(legitimate, axis=1), np.cumsum(fraud, axis=1)
        negatives, positives = false[:, -1:], true[:, -1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            auc = (fraud * (negatives - false + legitimate / 2.0)).sum(axis=1) / (positives * negatives)[:, 0]
            precision = np.where(fraud > 0.0, true / np.maximum(true + false, 1e-300), 0.0)
            ap = (fraud * precision).sum(axis=1) / positives[:, 0]
            recalls = np.stack([_recall(false, true, negatives, positives, share) for share in FALSE_POSITIVES], axis=1)
            calibration = _calibration(legitimate + fraud, fraud, score)
        return Ranking(auc, ap, recalls, calibration)


def _edges(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores that begin a bin: evenly many events in each, and the highest ones by themselves."""
    ordered = np.sort(scores)
    even = ordered[np.linspace(0, len(ordered) - 1, EVEN_BINS).astype(np.int64)] if len(ordered) else ordered
    return np.unique(np.concatenate([even, ordered[-TOP_BINS:]]))


def _recall(false: Matrix, true: Matrix, negatives: Matrix, positives: Matrix, share: float) -> NDArray[np.float64]:
    """The share of frauds in the bins that together hold at most `share` of the legitimate events."""
    within = (false <= share * negatives).sum(axis=1)
    before = np.concatenate([np.zeros((len(true), 1)), true], axis=1)
    recalls: NDArray[np.float64] = before[np.arange(len(true)), within] / positives[:, 0]
    return recalls


def _calibration(events: Matrix, fraud: Matrix, score: Matrix) -> NDArray[np.float64]:
    """The mean distance of the share of fraud from the mean score, over groups of bins with evenly many events."""
    whole = events.sum(axis=0)
    groups = np.minimum((_GROUPS * (np.cumsum(whole) - whole / 2.0) / max(whole.sum(), 1.0)).astype(np.int64), _GROUPS - 1)
    gaps = np.stack([(fraud - score)[:, groups == group].sum(axis=1) for group in range(_GROUPS)], axis=1)
    found: NDArray[np.float64] = np.abs(gaps).sum(axis=1) / events.sum(axis=1)
    return found
