"""The snapshots of one model for the events of a batch, each of which may be scored by another one."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Scoring
from detectors.keyed.category_counts import Population
from detectors.scores.calibration import Calibration
from detectors.scores.score_map import ScoreMap
from patterns.thresholds.tail_table import TailTable

NONE = -1
Numbers = NDArray[np.float64]


class Installed(NamedTuple):
    """A snapshot, ready for use.

    Args:
        since: the moment from which on it counts.
        sequence: its number.
        scoring: its scoring side; None for a detector with a state for each entity.
        map: puts its scores on the stable scale; None where the snapshot has none.
        calibration: gives the probability of a score on the stable scale; None where there are too few labels.
        table: what is known of cohorts, where the snapshot is of a learned threshold.
        population: what is usual of all keys, where a detector compares each of its keys with that.
        usual: [inputs] the median of each input of the model when the snapshot was made; None where the snapshot does not say it.
    """

    since: int
    sequence: int
    scoring: Scoring | None
    map: ScoreMap | None
    calibration: Calibration | None
    table: TailTable | None = None
    population: Population | None = None
    usual: NDArray[np.float64] | None = None


class SnapshotsOfRows:
    """Gives n events of a model their scores, all by snapshots of one definition. Where all need the same snapshot, as nearly always,
    nothing is copied and it costs what that snapshot costs. Where an event has no snapshot, or its snapshot lacks the part, it gets NaN.

    Args:
        each: the snapshots, at least one.
        which: [n] position in `each` of the snapshot that counts for each event, `NONE` where none does; None: the last one for all.
    """

    def __init__(self, each: Sequence[Installed], which: NDArray[np.int64] | None = None) -> None:
        self.each = each
        self.which = which

    def at(self, order: NDArray[np.int64]) -> "SnapshotsOfRows":
        """Returns those of the events at the rows `order`."""
        return self if self.which is None else SnapshotsOfRows(self.each, self.which[order])

    @property
    def scale(self) -> str:
        """What contributions add up to, see `detectors.learner.Scoring`; all snapshots of a definition have one."""
        scoring = self.each[-1].scoring
        return "score" if scoring is None else scoring.scale

    def score_many(self, x: Numbers) -> Numbers:
        """Gives the raw scores [n] of the rows of `x` [n, inputs]."""
        return self._by_snapshot(x, self.which, (len(x),), lambda each: each.scoring.score_many if each.scoring else None)

    def probability_many(self, raw: Numbers) -> Numbers:
        """Gives what raw scores [n] mean, in [0, 1]."""
        return self._by_snapshot(raw, self.which, raw.shape, lambda each: each.scoring.probability_many if each.scoring else None)

    def map_many(self, raw: Numbers) -> Numbers:
        """Gives raw scores [n] on the stable scale."""
        return self._by_snapshot(raw, self.which, raw.shape, lambda each: each.map.apply if each.map else None)

    def contributions_many(self, x: Numbers, rows: NDArray[np.int64]) -> Numbers:
        """Gives [rows, inputs] what each input added to the score of the events at `rows`, whose inputs are `x`."""
        which = None if self.which is None else self.which[rows]
        return self._by_snapshot(x, which, x.shape, lambda each: each.scoring.contributions_many if each.scoring else None)

    def calibrated_many(self, scores: Numbers, rows: NDArray[np.int64]) -> Numbers:
        """Gives [rows, 3] the probability of the events at `rows`, and the ends of its interval, by their scores on the stable scale."""
        which = None if self.which is None else self.which[rows]
        return self._by_snapshot(scores, which, (len(scores), 3), lambda each: each.calibration.apply if each.calibration else None)

    def provisional(self, n: int) -> NDArray[np.bool_]:
        """Gives [n] whether the map of each event's snapshot was fitted on few events."""
        kinds = np.array([each.map is not None and each.map.provisional for each in (*self.each, self.each[-1]._replace(map=None))])
        return np.full(n, kinds[len(self.each) - 1]) if self.which is None else kinds[self.which]

    def bases(self, rows: NDArray[np.int64]) -> Iterable[float]:
        """Gives the base of the score of each of the events at `rows`, all of which have a score."""
        bases = [0.0 if each.scoring is None else each.scoring.base for each in self.each]
        return repeat(bases[-1]) if self.which is None else [bases[place] for place in self.which[rows].tolist()]

    def usual_at(self, row: int, at: int) -> float:
        """Gives the median of the input `at` among all events, by the snapshot of the event at `row`; NaN where it is not known."""
        place = len(self.each) - 1 if self.which is None else int(self.which[row])
        usual = None if place == NONE else self.each[place].usual
        return math.nan if usual is None or at >= len(usual) else float(usual[at])

    def tables(self, n: int) -> Iterator[tuple[TailTable | None, slice]]:
        """Cuts n events, at least one, into runs of those for which the same table counts, in their order; None: no snapshot counts."""
        return ((None if each is None else each.table, at) for each, at in self._runs(n))

    def populations(self, n: int) -> Iterator[tuple[Population | None, slice]]:
        """Cuts n events, at least one, into runs of those for which the same population counts; see `tables`."""
        return ((None if each is None else each.population, at) for each, at in self._runs(n))

    def _runs(self, n: int) -> Iterator[tuple[Installed | None, slice]]:
        if self.which is None:
            yield self.each[-1], slice(0, n)
            return
        starts = np.flatnonzero(np.append(True, self.which[1:] != self.which[:-1])).tolist()
        for first, end in pairwise([*starts, n]):
            place = int(self.which[first])
            yield None if place == NONE else self.each[place], slice(first, end)

    def numbers(self) -> Iterable[int | None]:
        """Gives the number of the snapshot behind each event's score; None where there is none."""
        numbers = [each.sequence if each.scoring or each.map or each.table or each.population else None for each in self.each]
        if self.which is None:
            return repeat(numbers[-1])
        return [None if place == NONE else numbers[place] for place in self.which.tolist()]

    def _by_snapshot(
        self,
        values: Numbers,
        which: NDArray[np.int64] | None,
        shape: tuple[int, ...],
        side: Callable[[Installed], Callable[[Numbers], Numbers] | None],
    ) -> Numbers:
        if which is None:
            give = side(self.each[-1])
            return np.full(shape, np.nan) if give is None else give(values)
        out = np.full(shape, np.nan)
        for place in np.unique(which).tolist():
            give = None if place == NONE else side(self.each[place])
            if give is not None:
                rows = np.flatnonzero(which == place)
                out[rows] = give(values[rows])
        return out


def joined(parts: Sequence[tuple[SnapshotsOfRows, int]]) -> SnapshotsOfRows:
    """Of batches that follow each other, each with its number of events, as of one; all were made of the same snapshots."""
    first = parts[0][0]
    if all(part.which is None for part, _ in parts):
        return first
    last = len(first.each) - 1
    return SnapshotsOfRows(first.each, np.concatenate([np.full(n, last) if part.which is None else part.which for part, n in parts]))
