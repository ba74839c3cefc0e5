"""A bounded sample of events that is dense where their scores are high.

It samples at the rates 1, 1/2, 1/4 and so on, and keeps the highest of each sample: Gupta and Zane: Counting inversions in lists.
SODA 2003. A rate is taken from a hash of the event's key, so that the sample is a function of the set of events: neither their order
nor how they came in parts changes a bit of it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.learner import Arrays

HIGHEST_KEPT: Final = 1_024
"""The number of events that are kept of each rate of sampling, unless a sample is told another."""
_LEVELS: Final = 40
_Part = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float32]]


class TailSample:
    """Keeps events with their scores, weights and some numbers each.

    All events are kept while there are no more than `kept`, and the `kept` highest always are. Of lower ones a part is kept, each for
    several: its `weights` say how many. A sum of weights over the events above a score estimates how many there were, without bias;
    the standard error is below 1 / sqrt(kept / 2) of that number, however small the number is: 4.4 % for 1,024, 2.2 % for 4,096.
    It holds at most kept × (log2(n / kept) + 2) events of n, about half of that as a rule.

    Args:
        width: how many numbers an event has; they are rounded to 32 bits.
        kept: number of events that are kept of each rate, at least 1.
    """

    def __init__(self, width: int, kept: int = HIGHEST_KEPT) -> None:
        if kept < 1 or width < 0:
            raise ValueError(f"expected kept of at least 1 and width of at least 0, got {kept} and {width}")
        self.count = 0
        self._kept = kept
        self._scores = np.empty(0)
        self._hashes = np.empty(0, np.int64)
        self._rows = np.empty((0, width), np.float32)
        self._weights = np.empty(0)
        self._lowest = np.full(_LEVELS + 1, -np.inf)
        self._added: list[_Part] = []
        self._added_count = 0

    def add(self, keys: NDArray[np.int64], scores: NDArray[np.float64], rows: NDArray[np.float64]) -> None:
        """Adds events.

        Args:
            keys: [n] of the events; each event is to be added once.
            scores: [n] that say which events are high; not NaN. They may be of different models: weights are right whatever they say.
            rows: [n, width] numbers of each event.
        """
        hashes = _mixed(keys)
        high = scores >= self._lowest[_levels_of(hashes)]
        self._append((scores[high], hashes[high], rows[high].astype(np.float32)))
        self.count += len(keys)
        if self._added_count > len(self._scores) + self._kept:
            self._compact()

    def merge(self, other: "TailSample") -> None:
        """Adds the events of another sample with the same `kept` and width; the result is that of one sample that was given them all."""
        for part in ((other._scores, other._hashes, other._rows), *other._added):
            self._append(part)
        self.count += other.count

    def events(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Returns weights [m] and numbers [m, width] of the events in the sample, those with the highest scores first."""
        self._compact()
        return self._weights, self._rows

    def replace(self, rows: NDArray[np.float64]) -> None:
        """Replaces the numbers [m, width] of the events, in the order in which `events` gave them."""
        self._rows = rows.astype(np.float32)

    def state(self) -> Arrays:
        """Returns what `restore` takes; equal sets of events give equal arrays."""
        self._compact()
        counts = {"count": np.array([self.count]), "kept": np.array([self._kept])}
        return {"scores": self._scores, "hashes": self._hashes, "rows": self._rows.view(np.int32), **counts}

    def restore(self, state: Arrays) -> None:
        """Continues from `state`, with as many events kept as the sample had; one that does not say it has `HIGHEST_KEPT`.

        Raises:
            ValueError: it is not the state of a sample with this width.
        """
        scores = expect_array(state, "scores", "<f8", (None,))
        hashes = expect_array(state, "hashes", "<i8", (len(scores),))
        rows = expect_array(state, "rows", "<i4", (len(scores), self._rows.shape[1]))
        self.count = int(expect_array(state, "count", "<i8", (1,))[0])
        self._kept = max(int(expect_array(state, "kept", "<i8", (1,))[0]), 1) if "kept" in state else HIGHEST_KEPT
        self._scores, self._hashes, self._rows = scores, hashes, rows.view(np.float32)
        self._lowest[:] = -np.inf
        self._weights = np.empty(0)
        self._added, self._added_count = [], 0

    def _append(self, part: "_Part") -> None:
        self._added.append(part)
        self._added_count += len(part[0])

    def _compact(self) -> None:
        """Drops the events that are among the highest of no rate, and weighs the others.

        Events of one score are in the order of their hashes, which says nothing of their level: so many of them may be dropped.
        """
        if not self._added and len(self._weights) == len(self._scores):
            return
        scores, hashes, rows = (np.concatenate(parts) for parts in zip((self._scores, self._hashes, self._rows), *self._added, strict=True))
        order = np.lexsort((hashes * np.int64(-7046029254386353131), scores))[::-1]
        scores, hashes = scores[order], hashes[order]
        levels = _levels_of(hashes)
        weights = np.zeros(len(order))
        start = 0  # the first event that is not among the highest of any of the rates so far
        for level in range(_LEVELS + 1):
            sampled = np.flatnonzero(levels >= level)
            full = len(sampled) > self._kept
            end = int(sampled[self._kept - 1]) + 1 if full else len(order)
            weights[start:end] = np.where(levels[start:end] >= level, 2.0**level, 0.0)
            start = max(start, end)
            if not full:
                break
            self._lowest[level] = scores[end - 1]
        held = weights > 0.0
        self._scores, self._hashes, self._rows, self._weights = scores[held], hashes[held], rows[order[held]], weights[held]
        self._added, self._added_count = [], 0


def _mixed(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns a hash of each key, whose every bit depends on every bit of the key: the finaliser of MurmurHash3."""
    mixed = keys.astype(np.uint64)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> np.uint64(33)
    return mixed.view(np.int64)


def _levels_of(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the number of halvings of the rate that each event outlives: the zeros at the end of its hash, at most `_LEVELS`."""
    lowest = hashes & -hashes
    lowest[lowest == 0] = np.int64(1) << np.int64(_LEVELS)
    levels: NDArray[np.int64] = np.log2(np.abs(lowest.astype(np.float64))).astype(np.int64)
    return np.minimum(levels, _LEVELS)
