"""The probability that an event is positive, by its mapped score, with an interval.

The share of positives is counted in bins of the score; neighbours that fall where they should rise are pooled: Ayer, Brunk, Ewing, Reid
and Silverman: An empirical distribution function for sampling with incomplete information. Annals of Mathematical Statistics 26, 1955.
Intervals are those of Wilson: Probable inference, the law of succession, and statistical inference. JASA 22, 1927; and they hold that
of Vovk and Petej: Venn-Abers predictors. UAI 2014, whose two ends are what the count would say were the event itself counted too, once as
negative and once as positive: for one of the two, which nobody knows, no assumption about scores is needed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.learner import Arrays

EDGES: Final = np.concatenate(([0.2, 0.4, 0.6, 0.8], 1.0 - np.logspace(-1.0, -5.0, 17)))
"""The bounds of the bins of scores, which are four a decade of the tail above 0.9; a score on a bound belongs to the bin above."""

BINS: Final = len(EDGES) + 1
CLASS_MIN: Final = 20
"""The number of positives, and of negatives, below which no probability is given."""
_Z: Final = 1.959963984540054  # of an interval that holds the probability in 95 of 100 cases


class Calibration:
    """Gives probabilities that never fall where scores rise.

    Args:
        table: [`BINS`, 3] probability of each bin, with the lower and upper end of its interval.

    Raises:
        ValueError: these are not such probabilities.
    """

    def __init__(self, table: NDArray[np.float64]) -> None:
        if not (table.min() >= 0.0 and table.max() <= 1.0 and bool(np.all(np.diff(table, axis=0) >= 0.0))):
            raise ValueError("array 'table' of a calibration: expected probabilities in [0, 1] that ascend from bin to bin")
        self._table = table

    def apply(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns [n, 3] the probability of each score and the ends of its interval; NaN where the score is NaN."""
        found = self._table[bins_of(scores)]
        found[np.isnan(scores)] = np.nan
        return found

    def arrays(self) -> Arrays:
        """Returns what `from_arrays` takes."""
        return {"table": self._table}

    @staticmethod
    def from_arrays(arrays: Arrays) -> "Calibration | None":
        """Makes the calibration that gave these arrays; None where there are none.

        Raises:
            ValueError: no calibration can have given them.
        """
        return Calibration(expect_array(arrays, "table", "<f8", (BINS, 3))) if arrays else None


def bins_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the bin [n] of each score; the last one for NaN."""
    return np.searchsorted(EDGES, scores, side="right")


def fit_calibration(negatives: NDArray[np.float64], positives: NDArray[np.float64]) -> Calibration | None:
    """Fits the probabilities of bins; None while one of the classes has fewer than `CLASS_MIN`.

    Each interval holds the share of positives among all events like those counted in its bin in 95 of 100 cases, or more often: those of
    pooled bins are widened so that their ends rise with the score, too, and so that they hold both ends of Venn and Abers.

    Args:
        negatives: [`BINS`] number of negatives, which may be fractions.
        positives: [`BINS`] number of positives.
    """
    if min(negatives.sum(), positives.sum()) < CLASS_MIN:
        return None
    counts, shares = _pooled(negatives + positives, positives)
    low, high = _wilson(counts, shares)
    least, most = venn_abers(negatives, positives)
    low, high = np.minimum(low, least), np.maximum(high, most)
    low, high = np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high)
    return Calibration(np.column_stack([shares, np.minimum(low, shares), np.maximum(high, shares)]))


def venn_abers(negatives: NDArray[np.float64], positives: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns [`BINS`] the probability of each bin with one negative more in it, and with one positive more.

    Bins of scores are few, so that both isotonic regressions of every bin cost 1 ms together.
    """
    ends = np.empty((2, BINS))
    for at in range(BINS):
        more = np.zeros(BINS)
        more[at] = 1.0
        ends[0, at] = _pooled(negatives + positives + more, positives)[1][at]
        ends[1, at] = _pooled(negatives + positives + more, positives + more)[1][at]
    return ends[0], ends[1]


def _pooled(counts: NDArray[np.float64], positives: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the count of each bin's pool and its share of positives; an empty bin is in the pool below it, or else above."""
    pools: list[tuple[float, float, int]] = []  # events, positives and bins of each pool, in order
    for count, positive in zip(counts.tolist(), positives.tolist(), strict=True):
        pool = (count, positive, 1)
        while pools and (pool[0] == 0.0 or pools[-1][0] == 0.0 or pools[-1][1] * pool[0] >= pool[1] * pools[-1][0]):
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    sizes = [bins for _, _, bins in pools]
    return np.repeat([count for count, _, _ in pools], sizes), np.repeat([positive / count for count, positive, _ in pools], sizes)


def _wilson(counts: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    middle = (shares + _Z**2 / (2.0 * counts)) / (1.0 + _Z**2 / counts)
    half = _Z / (1.0 + _Z**2 / counts) * np.sqrt(shares * (1.0 - shares) / counts + _Z**2 / (4.0 * counts**2))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)
