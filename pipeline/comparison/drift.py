"""How far inputs, scores and the share of fraud of one day are from those of the weeks before."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BINS = 10
EVENTS_MIN = 200
"""Of fewer events on either side nothing is said."""
REFERENCE_DAYS = 28
LABEL_RATE = "label_rate"
"""The subject that is the share of fraud."""
_Z_999 = 3.090232306167813
_SHARE_MAX = 0.25
_HALF = 0.5
"""Is added to each bin, so that an empty one is no infinite change."""
_NO_EDGES = np.empty(0)


@dataclass(frozen=True, slots=True)
class Bin:
    """Counts the values from `least` (inclusive) to `most` (exclusive); both are None in the bin of missing values.

    An edge at infinity is the least or the greatest bin's.
    """

    least: float | None
    most: float | None
    events: int
    reference_events: int


@dataclass(frozen=True, slots=True)
class Drift:
    """Says how far something is from what it was.

    Args:
        subject: ``event.`` or ``feature.`` name, ``model.<name>`` for its raw score, or `LABEL_RATE`.
        index: the population stability index: 0 where nothing changed.
        limit: beyond it the change matters and is no chance.
        events, reference_events: how many it was measured on.
        now, usual: the median on the day and before; of `LABEL_RATE` the share of fraud.
        bins: what the index was counted over, by value, missing values last; none of `LABEL_RATE`.
    """

    subject: str
    index: float
    limit: float
    events: int
    reference_events: int
    now: float
    usual: float
    bins: tuple[Bin, ...] = ()

    @property
    def matters(self) -> bool:
        """Tells whether the change is beyond its limit."""
        return self.index > self.limit


def drift_of(subject: str, reference: NDArray[np.float64], current: NDArray[np.float64], limit: float) -> Drift | None:
    """Compares the values [m] of a day with those [n] before, by tenths of the latter; what is missing (NaN) is a bin of its own.

    None where there are too few. An index above `limit` matters, unless it may be chance. It costs O((n + m) log n).
    """
    if min(len(reference), len(current)) < EVENTS_MIN:
        return None
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, BINS + 1)[1:-1])) if len(known) else _NO_EDGES
    before, after = _counts(reference, edges), _counts(current, edges)
    bins = tuple(_bins(edges, before, after))
    return _drift(subject, before, after, float(_median(current)), float(_median(reference)), limit, bins)


def drift_of_labels(reference: NDArray[np.bool_], current: NDArray[np.bool_], limit: float) -> Drift | None:
    """Compares the share of fraud among the events [m] of a day with that [n] before; twice the usual share matters at the latest."""
    if min(len(reference), len(current)) < EVENTS_MIN:
        return None
    before, after = (np.array([np.count_nonzero(~fraud), np.count_nonzero(fraud)], np.float64) for fraud in (reference, current))
    usual = float(reference.mean())
    return _drift(LABEL_RATE, before, after, float(current.mean()), usual, min(limit, _twice(usual)))


def worst_first(found: Iterable[Drift | None]) -> list[Drift]:
    """Returns what was measured, the greatest index for its limit first."""
    return sorted((each for each in found if each is not None), key=lambda each: -each.index / each.limit)


def _drift(
    subject: str,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    now: float,
    usual: float,
    limit: float,
    bins: tuple[Bin, ...] = (),
) -> Drift:
    n, m, width = float(before.sum()), float(after.sum()), len(before)
    one, other = ((counts + _HALF) / (counts.sum() + _HALF * width) for counts in (before, after))
    index = float(((other - one) * np.log(other / one)).sum())
    return Drift(subject, index, max(limit, _chance(width) * (1.0 / n + 1.0 / m)), int(m), int(n), now, usual, bins)


def _bins(edges: NDArray[np.float64], before: NDArray[np.float64], after: NDArray[np.float64]) -> Iterator[Bin]:
    bounds = [-math.inf, *edges.tolist(), math.inf]
    sides = [*pairwise(bounds), (None, None)]
    for (least, most), usual, now in zip(sides, before.tolist(), after.tolist(), strict=True):
        yield Bin(least, most, int(now), int(usual))


def _twice(share: float) -> float:
    """The index of a share that is twice as large: a small share may grow tenfold and stay below any limit of other numbers."""
    if share >= _SHARE_MAX:
        return math.inf
    return share * (math.log(2.0) + math.log((1.0 - share) / (1.0 - 2.0 * share)))


def _chance(bins: int) -> float:
    """What the index stays below in 999 of 1,000 cases where nothing changed, times n m / (n + m): a chi-squared value (Yurdakul, 2018).

    By the cube root of Wilson and Hilferty (1931).
    """
    freedom = max(bins - 1, 1)
    return float(freedom * (1.0 - 2.0 / (9.0 * freedom) + _Z_999 * math.sqrt(2.0 / (9.0 * freedom))) ** 3)


def _counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[known], side="right"), minlength=len(edges) + 1)
    return np.append(counts, np.count_nonzero(~known)).astype(np.float64)


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan
