"""Maps the raw scores of a model to a scale of quantiles that stays when models change.

A score of 0.998 says that 1 - 0.998 of the events of a reference population scored higher. Bands stand on this scale: the share of
events in each does not change when the model behind it learns or is replaced. Feedzai's MUSE has the same idea of one reference
distribution for the scores of all models.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.compiled import compiled
from detectors.learner import Arrays

LEVELS: Final = np.concatenate((np.linspace(0.0, 0.95, 96), 1.0 - np.logspace(np.log10(0.05), -5.0, 75)[1:]))
"""The scores of a map's knots: evenly spaced up to 0.95, then 20 a decade of what lies above, up to 0.99999."""

COUNT_MIN: Final = 10_000
"""The number of events below which a map is provisional."""


class ScoreMap:
    """Gives scores in [0, 1] that never fall where raw scores rise.

    It is linear between knots, from 0 at the raw score 0 to 1 at the raw score 1. Where several knots have one raw score, many events
    have it, and it gets the middle of their scores. It is about as fast as `np.interp`.

    Args:
        raw: [k] raw scores of the knots in [0, 1], ascending; at least one.
        scores: [k] scores of the knots in [0, 1], ascending.
        count: number of events that it was fitted on.

    Raises:
        ValueError: these are not such knots.
    """

    def __init__(self, raw: NDArray[np.float64], scores: NDArray[np.float64], count: int) -> None:
        for name, knots in (("raw", raw), ("scores", scores)):
            ascend = len(knots) > 0 and knots[0] >= 0.0 and knots[-1] <= 1.0 and bool(np.all(np.diff(knots) >= 0.0))
            if not ascend:
                raise ValueError(f"array {name!r} of a score map: expected at least one number in [0, 1], in ascending order")
        if len(raw) != len(scores) or count < 1:
            raise ValueError(f"expected a score map with knots in pairs and a count above 0, got {len(raw)}, {len(scores)} and {count}")
        self.count = count
        self._raw = np.ascontiguousarray(raw)
        self._scores = np.ascontiguousarray(scores)

    @property
    def provisional(self) -> bool:
        """Returns whether it was fitted on fewer than `COUNT_MIN` events."""
        return self.count < COUNT_MIN

    def apply(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the scores [n] of raw scores [n] in [0, 1]; NaN where they are NaN."""
        scores = np.empty(len(raw))
        _apply(np.ascontiguousarray(raw), self._raw, self._scores, scores)
        return scores

    def arrays(self) -> Arrays:
        """Returns what `from_arrays` takes."""
        return {"raw": self._raw, "scores": self._scores, "count": np.array([self.count], np.int64)}

    @staticmethod
    def from_arrays(arrays: Arrays) -> "ScoreMap | None":
        """Makes the map that gave these arrays; None where there are none.

        Raises:
            ValueError: no map can have given them.
        """
        if not arrays:
            return None
        raw = expect_array(arrays, "raw", "<f8", (None,))
        count = int(expect_array(arrays, "count", "<i8", (1,))[0])
        return ScoreMap(raw, expect_array(arrays, "scores", "<f8", (len(raw),)), count)


def fit_quantiles(raw: NDArray[np.float64], weights: NDArray[np.float64], count: int) -> ScoreMap:
    """Fits the map under which a score is the share of these events that score lower.

    Args:
        raw: [n] raw scores of the events, in any order; not NaN, at least one.
        weights: [n] how many events each of them stands for, above 0.
        count: number of events that they are a sample of; there are no knots above 1 - 1 / count.
    """
    levels = _levels_known(count)
    return ScoreMap(quantiles(raw, weights, levels, count), levels, count)


def fit_replacement(
    raw: NDArray[np.float64], before: NDArray[np.float64], weights: NDArray[np.float64], count: int, renewed: float = 0.0
) -> ScoreMap:
    """Fits the map of a model that replaces another, on events that the other has scored.

    The share of these events above each score stays: ordered by the new model, they get the scores that they had in the order of the other.

    Args:
        raw: [n] raw scores by the new model.
        before: [n] mapped scores by the other model.
        weights, count: as in `fit_quantiles`.
        renewed: the part of the reference population, in [0, 1], that these events replace. With 1 the map is that of `fit_quantiles`.
    """
    levels = _levels_known(count)
    scores = (1.0 - renewed) * quantiles(before, weights, levels, count) + renewed * levels
    return ScoreMap(quantiles(raw, weights, levels, count), scores, count)


def quantiles(values: NDArray[np.float64], weights: NDArray[np.float64], levels: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Returns for each of `levels` the least of `values` with at most a share of 1 - level of the events above it.

    Args:
        values: [n], in any order; at least one.
        weights: [n] how many events each stands for, above 0. Shares are taken from the highest value down, since a `TailSample` knows
            the number of events above a value the more exactly, the fewer they are.
        levels: [k] in [0, 1], ascending.
        count: the number of all events.
    """
    order = np.argsort(-values, kind="stable")
    at = np.searchsorted(np.cumsum(weights[order]), count * (1.0 - levels) * (1.0 + 1e-12), side="right")
    return np.asarray(values[order][np.minimum(at, len(order) - 1)], np.float64)


def _levels_known(count: int) -> NDArray[np.float64]:
    return LEVELS[: np.searchsorted(LEVELS, 1.0 - 1.0 / count, side="right")]


@compiled("void(float64[::1], float64[::1], float64[::1], float64[::1])")
def _apply(raw: NDArray[np.float64], knots: NDArray[np.float64], scores: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    last = len(knots)
    for row in range(len(raw)):
        score = raw[row]
        if np.isnan(score):
            out[row] = np.nan
            continue
        first = np.searchsorted(knots, score)  # knots below the score; from here on to `end` they are equal to it
        end = first
        while end < last and knots[end] == score:
            end += 1
        if end > first:
            out[row] = (scores[first] + scores[end - 1]) / 2.0
            continue
        below, lower = (knots[first - 1], scores[first - 1]) if first > 0 else (0.0, 0.0)
        above, upper = (knots[first], scores[first]) if first < last else (1.0, 1.0)
        share = min(max((score - below) / (above - below), 0.0), 1.0) if above > below else 1.0
        out[row] = lower + (upper - lower) * share
