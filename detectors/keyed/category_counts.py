"""Counts how often each value of a category comes in all events, in bounded memory: the population that keys are compared with."""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import expect_array
from detectors.compiled import compiled
from detectors.learner import Arrays
from detectors.snapshot_kind import Form, SnapshotKind

VALUES_MAX: Final = 8_192
"""The number of different values that are counted; of further ones only the total is known until others are forgotten."""
_SLOTS: Final = 2 * VALUES_MAX
_EVENTS_MAX: Final = 4_000_000.0
"""At so many events all counts are halved, and values that are left with less than one are forgotten."""
_TOTAL, _VALUES = 0, 1


class CategoryCounts:
    """Learns the counts of values, which are hashes of texts, in the order of events; about 0.05 µs an event.

    Values count in a table of fixed size, and twice as far back half as much: at 4,000,000 events all counts are halved.
    """

    labelled: ClassVar[bool] = False

    def __init__(self) -> None:
        self._words = np.zeros(_SLOTS)
        self._counts = np.zeros(_SLOTS)
        self._sums = np.zeros(2)

    def learn(self, words: NDArray[np.float64]) -> None:
        """Counts n values in their order; NaN is none."""
        _count(np.ascontiguousarray(words), self._words, self._counts, self._sums)

    def snapshot(self) -> Arrays:
        """Returns the arrays that `Population` takes."""
        held = np.flatnonzero(self._counts)
        order = held[np.argsort(self._words[held].view(np.int64), kind="stable")]
        return {"words": self._words[order], "counts": self._counts[order], "total": self._sums[:1].copy()}

    def state(self) -> Arrays:
        """Returns all counts."""
        return {"words": self._words.copy(), "counts": self._counts.copy(), "sums": self._sums.copy()}

    def restore(self, state: Arrays) -> None:
        """Continues from `state`.

        Raises:
            ValueError: these are no such counts; nothing has changed then.
        """
        words, counts = (expect_array(state, name, "<f8", (_SLOTS,)) for name in ("words", "counts"))
        self._sums = expect_array(state, "sums", "<f8", (2,))
        self._words, self._counts = words, counts


ARRAYS: Final[Mapping[str, Form]] = {"words": ("<f8", (None,)), "counts": ("<f8", (None,)), "total": ("<f8", (1,))}
"""The arrays that `CategoryCounts.snapshot` publishes."""


class Population:
    """Says how often values come in all events.

    Args:
        arrays: arrays of `CategoryCounts.snapshot`.

    Raises:
        ValueError: there can be no such counts.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.words = expect_array(arrays, "words", "<f8", (None,)).view(np.int64)
        self.counts = expect_array(arrays, "counts", "<f8", (len(self.words),))
        self.total = float(expect_array(arrays, "total", "<f8", (1,))[0])
        if len(self.words) > VALUES_MAX or not bool(np.all(np.diff(self.words) > 0)):
            raise ValueError(f"array 'words': expected at most {VALUES_MAX} different hashes in ascending order")
        if len(self.counts) and not (self.counts.min() > 0.0 and self.counts.sum() <= self.total < np.inf):
            raise ValueError("array 'counts': expected counts above 0 that add up to no more than the total")


POPULATION: Final = SnapshotKind(ARRAYS, Population)
"""Reads the snapshots of `CategoryCounts`."""

NOBODY: Final = Population({"words": np.zeros(0), "counts": np.zeros(0), "total": np.zeros(1)})
"""The population before the first snapshot."""


@compiled("int64(int64)")
def mixed(bits: int) -> int:
    """Returns a number of 32 bits that depends on all bits of a value's hash, which may be any float's: a round of MurmurHash3's end."""
    once = (bits ^ (bits >> 33)) * -49064778989728563
    return (once ^ (once >> 33)) & 0xFFFFFFFF


@compiled("int64(float64[::1], float64[::1], float64)")
def _slot_of(words: NDArray[np.float64], counts: NDArray[np.float64], word: float) -> int:
    """Returns the slot that has `word`, or else the empty one where it belongs."""
    place = mixed(np.array([word]).view(np.int64)[0]) & (_SLOTS - 1)
    while counts[place] > 0.0 and words[place] != word:
        place = (place + 1) & (_SLOTS - 1)
    return place


@compiled("void(float64[::1], float64[::1], float64[::1])")
def _halve(words: NDArray[np.float64], counts: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
    old_words, old_counts = words.copy(), counts.copy()
    counts[:] = 0.0
    sums[_TOTAL] *= 0.5
    sums[_VALUES] = 0.0
    for place in range(len(old_counts)):
        if old_counts[place] >= 2.0:
            slot = _slot_of(words, counts, old_words[place])
            words[slot], counts[slot] = old_words[place], 0.5 * old_counts[place]
            sums[_VALUES] += 1.0


@compiled("void(float64[::1], float64[::1], float64[::1], float64[::1])")
def _count(x: NDArray[np.float64], words: NDArray[np.float64], counts: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
    for word in x:
        if np.isnan(word):
            continue
        sums[_TOTAL] += 1.0
        slot = _slot_of(words, counts, word)
        if counts[slot] > 0.0 or sums[_VALUES] < VALUES_MAX:
            sums[_VALUES] += 0.0 if counts[slot] > 0.0 else 1.0
            words[slot] = word
            counts[slot] += 1.0
        if sums[_TOTAL] >= _EVENTS_MAX:
            _halve(words, counts, sums)
