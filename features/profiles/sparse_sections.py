"""Sections that few keys have: words that are made for a key when something first happens there, such as the first step of a sequence."""

from collections.abc import Sequence

import numpy as np

from features.layout.layout import END
from features.profiles.sections import SavedSections, Section, Widths, first_words, places_of, widths_of
from foundation.number_arrays import Float64s, Int64s

_SECTION, _NEXT, _LINKS = 0, 1, 2
_ENTRIES_LEAST = 64


class SparseSections:
    """Keeps the words of sparse sections by slot, as chains of entries in flat arrays that a kernel can follow.

    A key without any takes 8 bytes, and an entry 16 bytes beside the words of the widest section. Finding an entry costs a step for
    each other section that the key has.

    Args:
        sections: the declared ones; all are sparse.
    """

    def __init__(self, sections: Sequence[Section]) -> None:
        self.widths = widths_of(sections)
        self._number = {section.name: at for at, section in enumerate(sections)}
        self._begins = [first_words([section]) for section in sections]
        self._first = np.zeros(0, np.int64)
        self._links = np.zeros((0, _LINKS), np.int64)
        self._words = np.zeros((0, max((section.width for section in sections), default=0)))
        self._free: list[int] = []

    def grow(self, slots: int) -> None:
        """Makes room for so many slots."""
        if self.widths and slots > len(self._first):
            more = max(slots, 2 * len(self._first)) - len(self._first)
            self._first = np.concatenate([self._first, np.full(more, END)])

    def words(self, name: str) -> Float64s:
        """Returns the words of a section, [entries, width], to be changed in place; valid until an entry is made."""
        return self._words[:, : self.widths[self._number[name]][1]]

    def find(self, name: str, slots: Int64s) -> Int64s:
        """Returns the entry [n] of each slot, -1 where it has none."""
        number = self._number[name]
        if not len(self):
            return np.full(len(slots), END)
        entries: Int64s = self._first[slots]
        while len(others := np.flatnonzero((entries >= 0) & (self._links[entries, _SECTION] != number))):
            entries[others] = self._links[entries[others], _NEXT]
        return entries

    def make(self, name: str, slots: Int64s) -> Int64s:
        """Returns the entry [n] of each slot, and makes those that are not there."""
        entries = self.find(name, slots)
        for slot in dict.fromkeys(slots[entries < 0].tolist()):
            self._make(self._number[name], slot)
        return self.find(name, slots)

    def _make(self, number: int, slot: int) -> int:
        if not self._free:
            self._lengthen()
        entry = self._free.pop()
        self._links[entry] = number, self._first[slot]
        self._words[entry] = 0.0
        self._words[entry, : self.widths[number][1]] = self._begins[number]
        self._first[slot] = entry
        return entry

    def _lengthen(self) -> None:
        have = len(self._links)
        more = max(have, _ENTRIES_LEAST)
        self._links = np.concatenate([self._links, np.zeros((more, _LINKS), np.int64)])
        self._words = np.concatenate([self._words, np.zeros((more, self._words.shape[1]))])
        self._free = list(range(have + more - 1, have - 1, -1))

    def _entries(self, slot: int) -> list[int]:
        entries, entry = [], int(self._first[slot])
        while entry >= 0:
            entries.append(entry)
            entry = int(self._links[entry, _NEXT])
        return entries

    def __len__(self) -> int:
        """Returns the number of entries."""
        return len(self._links) - len(self._free)

    def saved(self, slot: int) -> SavedSections | None:
        """Returns the sections of `slot` with their words; None where it has none."""
        if not len(self) or self._first[slot] < 0:
            return None
        own = [(self.widths[int(self._links[entry, _SECTION])], entry) for entry in self._entries(slot)]
        own.sort()
        words = np.concatenate([self._words[entry, :width] for (_, width), entry in own])
        return SavedSections(tuple(section for section, _ in own), words)

    def restore(self, slot: int, saved: Widths, words: Float64s) -> Widths:
        """Takes over its own ones among the sections of a saved profile, and returns the others."""
        where = places_of(saved)
        for section in self.widths:
            if section in where:
                entry = self._make(self._number[section[0]], slot)
                self._words[entry, : section[1]] = words[where[section]]
        return tuple(section for section in saved if section not in self.widths)

    def forget(self, slots: Sequence[int]) -> None:
        """Frees the entries of `slots`."""
        if len(self):
            for slot in slots:
                self._free += self._entries(slot)
                self._first[slot] = END

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held."""
        own = 8 * keys if self.widths else 0
        return own + 8 * len(self) * (_LINKS + self._words.shape[1])
