"""The entries of lists as whoever decides knows them: for each list 64 bits of each value's hash, and when the entry ends."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.schema.string_hash import words_of
from foundation.number_arrays import Float64s, Int64s
from patterns.entries import Change

NEVER = np.iinfo(np.int64).max
GONE = np.iinfo(np.int64).min
"""The end of an entry that was taken off: it counts at no time."""
OVERLAY_MAX = 65_536
"""So many changes of a list wait beside its sorted arrays before they are merged into them, which takes 0.1 s for a million entries."""

_HASH_BITS = 63
_BELOW = (1 << 62) - 1


class KnownEntries:
    """Holds lists by name: 20 to 24 bytes an entry, and some 100 bytes for each of the newest `OVERLAY_MAX` changes.

    A value that is on no list is taken for one on a list of a million entries with a probability of 1e-13, since 63 bits of its hash are
    compared and not the value itself.
    """

    def __init__(self) -> None:
        self._lists: defaultdict[str, _Known] = defaultdict(_Known)

    def __len__(self) -> int:
        return sum(len(known) for known in self._lists.values())

    def take(self, changes: Iterable[Change]) -> None:
        """Takes in changes, in the order of their records."""
        for change in changes:
            expires = GONE if change.entry is None else NEVER if change.entry.expires is None else change.entry.expires
            self._lists[change.list].put(change.value, expires)

    def contains(self, name: str, values: Sequence[str], times_ms: Int64s) -> NDArray[np.bool_]:
        """Tells for each of n values whether it is on the list for an event at `times_ms`; some 0.3 µs a value that was asked before."""
        known = self._lists.get(name)
        if known is None:
            return np.zeros(len(values), np.bool_)
        held: NDArray[np.bool_] = times_ms < known.ends(words_of(values, len(values)).view(np.int64))
        return held


class _Known:
    def __init__(self) -> None:
        self._sorted = _SortedHashes(np.zeros(0, np.int64))
        self._ends: Int64s = np.zeros(0, np.int64)
        self._overlay: dict[int, int] = {}

    def __len__(self) -> int:
        self._merge()
        return len(self._ends)

    def put(self, value: str, expires: int) -> None:
        hash: Float64s = words_of([value], 1)
        self._overlay[int(hash.view(np.int64)[0])] = expires
        if len(self._overlay) >= OVERLAY_MAX:
            self._merge()

    def ends(self, hashes: Int64s) -> Int64s:
        """Returns when the entry of each hash ends; `GONE` where there is none."""
        found = np.full(len(hashes), GONE)
        if len(self._ends):
            at, there = self._sorted.find(hashes)
            found[there] = self._ends[at[there]]
        newer, asked = self._overlay, hashes.tolist()
        if not newer.keys().isdisjoint(asked):
            for place, hash in enumerate(asked):
                found[place] = newer.get(hash, found[place])
        return found

    def _merge(self) -> None:
        if not self._overlay:
            return
        hashes = np.fromiter(self._overlay.keys(), np.int64, len(self._overlay))
        ends = np.fromiter(self._overlay.values(), np.int64, len(self._overlay))
        every, every_ends = np.concatenate([hashes, self._sorted.hashes]), np.concatenate([ends, self._ends])
        merged, first = np.unique(every, return_index=True)  # of equal ones the first, which is the newer one
        ends = every_ends[first]
        held = ends != GONE
        self._sorted, self._ends = _SortedHashes(merged[held]), ends[held]
        self._overlay = {}


class _SortedHashes:
    """Finds hashes in ascending ones: their upper bits say where those with the same upper bits begin, which are few.

    Args:
        hashes: ascending, each once; spread evenly, but for bit 62, which no hash has set.
    """

    def __init__(self, hashes: Int64s) -> None:
        self._ended = np.append(hashes, np.iinfo(np.int64).max)
        self.hashes = self._ended[:-1]
        bits = max(len(hashes), 1).bit_length()
        self._shift = _HASH_BITS - bits
        counts = np.bincount(self._group(hashes), minlength=1 << bits)
        self._starts = (np.cumsum(counts) - counts).astype(np.int32)

    def find(self, hashes: Int64s) -> tuple[Int64s, NDArray[np.bool_]]:
        """Returns the place [n] of the first that is not less than each hash, and whether it is the same."""
        at = self._starts[self._group(hashes)].astype(np.int64)
        reached = self._ended[at]
        while (behind := reached < hashes).any():
            at += behind
            reached = self._ended[at]
        return at, reached == hashes

    def _group(self, hashes: Int64s) -> Int64s:
        """Returns the upper bits, without bit 62; negative hashes come first, as they do where they are sorted."""
        groups: Int64s = ((hashes & _BELOW) | ((hashes >= 0).astype(np.int64) << (_HASH_BITS - 1))) >> self._shift
        return groups
