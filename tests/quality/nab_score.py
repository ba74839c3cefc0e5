"""Scores anomalies in series by how early they are found within labelled windows, and by false alarms. For tests only.

Lavin and Ahmad: Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark. ICMLA 2015. The profile is the standard
one: a window that is found counts 1, and less the later it is found; one that is missed counts -1; a false alarm counts -0.11, or less soon
after a window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 0.11
PROBATION_SHARE, PROBATION_MAX = 0.15, 750
_FAR_PAST = 3.0


@dataclass(frozen=True)
class Judged:
    """What alarms at the rows of one series would count.

    Args:
        worth: [n] up to 1 within a window, down to -`FALSE_ALARM` outside of all.
        windows: [n] the number of the window from 0 on, -1 outside of all.
        counts: [n] False in the first part of the series, which is not scored.
    """

    worth: NDArray[np.float64]
    windows: NDArray[np.int64]
    counts: NDArray[np.bool_]


def judged(rows: int, windows: Sequence[tuple[int, int]]) -> Judged:
    """Returns what an alarm at each of `rows` rows counts, with the first and last row of each window in ascending order."""
    worth, within = np.full(rows, -FALSE_ALARM), np.full(rows, -1)
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        inside, after = np.arange(first, last + 1), np.arange(last + 1, rows)
        worth[inside] = sigmoid((inside - last - 1) / width) / sigmoid(np.array(-1.0))
        worth[after] = FALSE_ALARM * sigmoid((after - last) / max(width - 1, 1))
        within[inside] = number
    return Judged(worth, within, np.arange(rows) >= min(int(PROBATION_SHARE * rows), PROBATION_MAX))


def sigmoid(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns 2 / (1 + e^5y) - 1 of the position y in windows' widths past a window's end, and -1 far behind it."""
    return np.where(position > _FAR_PAST, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, _FAR_PAST))) - 1.0)


def best_score(corpus: Iterable[tuple[Judged, NDArray[np.float64]]]) -> tuple[float, float]:
    """Returns the score of the corpus at the one threshold that is best for all of it, and that threshold.

    An alarm is a score not below the threshold. That of the corpus is 0 if nothing is found, and 100 if every window is found at its
    first row without a false alarm.

    Args:
        corpus: of each series what alarms count, and [n] the scores of its rows; a missing one is never an alarm.
    """
    scores, worth, windows, total = _joined(corpus)
    order = np.argsort(-scores, kind="stable")
    scores, gains = scores[order], _gains(worth[order], windows[order], total)
    reached = np.cumsum(gains) - total
    last_of_ties = np.flatnonzero(np.append(np.diff(scores) != 0.0, True)) if len(scores) else np.empty(0, np.int64)
    raw = np.append(-float(total), reached[last_of_ties])  # nothing is an alarm at a threshold above all scores
    best = int(np.argmax(raw))
    threshold = np.inf if best == 0 else float(scores[last_of_ties[best - 1]])
    return 100.0 * (float(raw[best]) + total) / (2.0 * total), threshold


def _joined(
    corpus: Iterable[tuple[Judged, NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], int]:
    """Returns the rows of all series that count and have a score, with windows numbered through, and how many windows there are."""
    scores, worth, windows, total = [], [], [], 0
    for series, given in corpus:
        kept = series.counts & ~np.isnan(given)
        scores.append(given[kept])
        worth.append(series.worth[kept])
        windows.append(np.where(series.windows[kept] >= 0, series.windows[kept] + total, -1))
        total += int(series.windows.max()) + 1
    return np.concatenate(scores), np.concatenate(worth), np.concatenate(windows), total


def _gains(worth: NDArray[np.float64], windows: NDArray[np.int64], total: int) -> NDArray[np.float64]:
    """Returns by how much each alarm raises the score in this order; of a window only the best alarm counts, and without one -1."""
    best, gains = np.full(total, -1.0), worth.copy()
    for row in np.flatnonzero(windows >= 0):
        window = windows[row]
        gains[row] = max(worth[row] - best[window], 0.0)
        best[window] += gains[row]
    return gains
