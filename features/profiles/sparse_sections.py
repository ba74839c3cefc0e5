"""Sections that few keys have: words that are made for a key when something first happens there, such as the first step of a sequence."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from features.layout.layout import END
from features.profiles.memory import grown, roomy
from features.profiles.sections import SavedSections, Section, Widths, first_words, places_of, widths_of
from features.profiles.sparse_entries import ENTRIES, HELD_LINES, LINE, NEVER_LAPSES, NUMBERS, OWN, SLOT_WORDS, USED_LINES, SparseArrays
from features.profiles.sparse_packing import PACKED_OWN, WIDTHS_MAX, drop_all, make_missing, measure, pack, rounded, unpack
from foundation.number_arrays import Float64s, Int64s

PACKED = "sparse"
"""The name under which all sparse sections of a profile stand in its bytes."""
_LINES_LEAST = 64
_RESTING_WORDS_MAX = 512
_LOW = (1 << 32) - 1


class Measured(NamedTuple):
    """What the bytes of n profiles hold of their entries.

    Args:
        widths: numbers of words that some take, rounded up, each once; 0 where there are none.
        width_of: [n] the place among `widths` of each profile's.
        blocks: of one profile after the other.
        ends: [n] where those of each end in `blocks`.
    """

    widths: list[int]
    width_of: Int64s
    blocks: Int64s
    ends: Int64s


class SparseSections:
    """Keeps the words of sparse sections by slot, as entries in flat arrays that a kernel finds by slot and section.

    A key without any takes 64 bytes; an entry takes 16 bytes beside its words, in whole lines of 64 bytes, and a seventh of a line in the
    directory of its key. In the bytes of a profile all its entries are one section, whose width is rounded up: profiles are then of few
    shapes, each of which is described once. Entries of sections that nothing declares rest in the profile, until they lapse.

    Args:
        sections: the declared ones; all are sparse.
        newest_ms: gives the event time up to which each slot has come: what has lapsed by then is not saved. None: nothing lapses.
    """

    def __init__(self, sections: Sequence[Section], newest_ms: Callable[[Int64s], Int64s] | None = None) -> None:
        self.widths = widths_of(sections)
        self.numbers = {section.name: at for at, section in enumerate(sections)}
        self._begins = [first_words([section]).view(np.int64) for section in sections]
        self._cells = np.array([width for _, width in self.widths], np.int64)
        self._hashes = np.array([_hash_of(name) for name, _ in self.widths], np.int64)
        self._order = np.argsort(self._hashes)
        self._ranks = np.argsort(self._order)
        self._newest_ms = newest_ms
        self._blocks = np.empty(0, np.int64)
        self._ranked = np.empty(len(self._cells), np.int64)
        self._resting: dict[int, Int64s] = {}
        lines = -(-(OWN + self._cells) // LINE)
        self._lines = roomy(_LINES_LEAST if sections else 0, LINE)
        free = np.full(int(lines.max(initial=1)) + 1, END)
        self._rows = np.zeros((0, SLOT_WORDS), np.int64)
        self.arrays = SparseArrays(self._lines.reshape(-1), self._rows.reshape(-1), free, np.zeros(NUMBERS, np.int64), lines)

    def grow(self, slots: int) -> None:
        """Makes room for so many slots."""
        if self.widths and slots > len(self._rows):
            self._rows = grown(self._rows, max(slots, 2 * len(self._rows)))
            self.arrays = self.arrays._replace(slots=self._rows.reshape(-1))

    def make_room(self, lines: int) -> None:
        """Makes room for so many lines of new entries, each of which may take one more in a directory; `arrays` may then be others."""
        needed = int(self.arrays.numbers[USED_LINES]) + lines
        if needed > len(self._lines):
            self._lines = grown(self._lines, max(needed, 2 * len(self._lines)))
            self.arrays = self.arrays._replace(words=self._lines.reshape(-1))

    def words(self, name: str) -> Float64s:
        """Returns the words of a section, [rows, width], to be changed in place; valid until an entry is made."""
        flat = self.arrays.words[OWN:].view(np.float64)
        width = self.widths[self.numbers[name]][1]
        rows = max(0, (len(flat) - width) // LINE + 1)
        return as_strided(flat, (rows, width), (8 * LINE, 8))

    def find(self, name: str, slots: Int64s) -> Int64s:
        """Returns the row [n] of each slot, -1 where it has none."""
        return self._find(name, slots, np.zeros(0, np.int64))

    def make(self, name: str, slots: Int64s) -> Int64s:
        """Returns the row [n] of each slot, and makes those that are not there."""
        number = self.numbers[name]
        self.make_room(len(slots) * (int(self.arrays.lines[number]) + 1))
        return self._find(name, slots, self._begins[number])

    def _find(self, name: str, slots: Int64s, begins: Int64s) -> Int64s:
        rows = np.empty(len(slots), np.int64)
        make_missing(self.arrays, slots, self.numbers[name], begins, rows)
        return rows

    def __len__(self) -> int:
        """Returns the number of entries, and of profiles in which some rest."""
        return int(self.arrays.numbers[ENTRIES]) + len(self._resting)

    @property
    def rests(self) -> bool:
        """Whether entries of other sections rest in any profile."""
        return bool(self._resting)

    def _times(self, slots: Int64s) -> Int64s:
        return np.zeros(len(slots), np.int64) if self._newest_ms is None else np.ascontiguousarray(self._newest_ms(slots))

    def measured(self, slots: Int64s) -> Measured:
        """Finds what the bytes of the profiles of `slots` hold of their entries, and frees those that mean nothing any more.

        It is valid until the next call, and until an entry is made or dropped.
        """
        width_of, ends = np.zeros(len(slots), np.int64), np.zeros(len(slots), np.int64)
        entries, widths = int(self.arrays.numbers[ENTRIES]), np.empty(WIDTHS_MAX, np.int64)
        if not entries:
            return Measured([0], width_of, self._blocks[:0], ends)
        if entries > len(self._blocks):
            self._blocks = np.empty(2 * entries, np.int64)
        found = self._cells, self._blocks, ends, width_of, widths
        known = measure(self.arrays, self._rows, self._lines, slots, self._times(slots), *found)
        return Measured(widths[:known].tolist(), width_of, self._blocks, ends)

    def pack_into(self, measured: Measured, words: Int64s, gaps: Int64s) -> None:
        """Writes the entries of all the slots that were measured, those of each from its place in `gaps` on."""
        if len(measured.blocks):
            widths = np.array(measured.widths, np.int64)
            about = self._hashes, self._ranks, self._cells, self._ranked, self._lines
            pack(self.arrays, measured.blocks, measured.ends, measured.width_of, widths, *about, words, gaps)

    def saved(self, slot: int) -> SavedSections | None:
        """Returns the entries of `slot` as one section, those at rest included; None where it has none."""
        measured = self.measured(np.array([slot]))
        own = np.zeros(measured.widths[0], np.int64)
        self.pack_into(measured, own, np.zeros(1, np.int64))
        words = np.concatenate([own[: _used(own)], self._still_resting(slot)])
        if not len(words):
            return None
        whole = np.zeros(rounded(len(words)), np.int64)
        whole[: len(words)] = words
        return SavedSections(((PACKED, len(whole)),), whole.view(np.float64))

    def _still_resting(self, slot: int) -> Int64s:
        """Returns the entries at rest of a slot that still mean something."""
        words = self._resting.get(slot, np.zeros(0, np.int64))
        if not len(words) or self._newest_ms is None:
            return words
        second = int(self._newest_ms(np.array([slot]))[0]) // 1_000
        kept = [words[start:end] for start, end in _entries(words) if int(words[start + 1]) >> 32 in range(second, NEVER_LAPSES + 1)]
        return np.concatenate([words[:0], *kept])

    def restore(self, slot: int, saved: Widths, words: Float64s) -> Widths:
        """Takes over the sparse sections of a saved profile, and returns the other sections."""
        for section, place in places_of(saved).items():
            if section[0] == PACKED:
                self._unpack(slot, words[place].view(np.int64))
        return tuple(section for section in saved if section[0] != PACKED)

    def _unpack(self, slot: int, words: Int64s) -> None:
        rest = np.empty(len(words), np.int64)
        entries = len(words) // PACKED_OWN + 1
        self.make_room(2 * entries + len(words) // LINE)
        left = unpack(self.arrays, slot, words.copy(), self._hashes[self._order], self._order, self._cells, rest)
        if left:
            kept = [rest[start:end] for start, end in _entries(rest[:left]) if end <= _RESTING_WORDS_MAX]
            self._resting[slot] = np.concatenate([rest[:0], *kept])

    def forget(self, slots: Sequence[int]) -> None:
        """Frees the entries of `slots`."""
        if self.arrays.numbers[ENTRIES]:
            drop_all(self.arrays, np.array(slots, np.int64))
        for slot in slots if self._resting else ():
            self._resting.pop(slot, None)

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held."""
        held = 8 * LINE * int(self.arrays.numbers[HELD_LINES])
        return (8 * SLOT_WORDS * keys if self.widths else 0) + held + sum(words.nbytes for words in self._resting.values())


def _entries(words: Int64s) -> list[tuple[int, int]]:
    """Returns where each packed entry begins and ends."""
    found, start = [], 0
    while start + PACKED_OWN <= len(words) and words[start]:
        end = start + PACKED_OWN + (int(words[start + 1]) & _LOW)
        found.append((start, end))
        start = end
    return found


def _used(words: Int64s) -> int:
    return max((end for _, end in _entries(words)), default=0)


def _hash_of(name: str) -> int:
    """Returns 63 bits of a name's hash, never 0."""
    return (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1) or 1
