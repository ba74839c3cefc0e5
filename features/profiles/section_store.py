"""Keeps the sections of all profiles of one entity type."""

from collections.abc import Callable, Sequence

import numpy as np

from features.profiles.codec import SavedHead
from features.profiles.head_encoding import put_rows
from features.profiles.keyed_state import Draft, FewHave
from features.profiles.retained_rows import RetainedRows
from features.profiles.sections import RESTING_MAX, SavedSections, Section, Widths, first_words, places_of, widths_of
from features.profiles.sparse_sections import PACKED, SparseSections
from foundation.number_arrays import Float64s, Int64s

_RESTING_BYTES = 640
"""Estimated bytes of the sections at rest in a profile, with the objects around them."""


class SectionStore:
    """Keeps the words of declared sections: of dense ones a row for each slot, of sparse ones an entry where a key has any.

    Saved sections that are not declared rest, at most `RESTING_MAX` in a profile, the ones that fell out of use last; they are saved again,
    and found when they are declared again. Others are dropped.

    Args:
        sections: the declared ones.
        retained: gives the rows that the profile of a slot retains.
        facts: the facts of the entities, which are sections of their profiles, too.
        newest_ms: gives the event time up to which each slot has come.
    """

    rewinds = False

    def __init__(
        self,
        sections: Sequence[Section],
        retained: Callable[[int], RetainedRows],
        facts: FewHave,
        newest_ms: Callable[[Int64s], Int64s] | None = None,
    ) -> None:
        self._dense = [section for section in sections if not section.sparse]
        self._widths = widths_of(self._dense)
        self._places = {name: place for (name, _), place in places_of(self._widths).items()}
        self._begins = first_words(self._dense)
        self.words: Float64s = np.zeros((0, len(self._begins)))
        self.sparse = SparseSections([section for section in sections if section.sparse], newest_ms)
        self._facts = facts
        self._few: tuple[FewHave, ...] = (self.sparse, facts)
        self._resting: dict[int, SavedSections] = {}
        self._retained = retained

    def words_of(self, name: str) -> Float64s:
        """Returns the words of a section, [rows, width], to be changed in place."""
        place = self._places.get(name)
        return self.sparse.words(name) if place is None else self.words[:, place]

    def rows(self, name: str, slots: Int64s, make: bool) -> Int64s:
        """Returns the row [n] of each slot in the words of a section; -1 where a sparse one has none, and none is to be made."""
        if name in self._places:
            return slots
        return self.sparse.make(name, slots) if make else self.sparse.find(name, slots)

    def grow(self, slots: int) -> None:
        """Makes room for so many slots."""
        self.sparse.grow(slots)
        if slots > len(self.words):
            longer = np.zeros((slots, self.words.shape[1]))
            longer[: len(self.words)] = self.words
            self.words = longer

    def begin(self, slot: int) -> None:
        """Gives `slot` the words of a key that was never seen."""
        self.words[slot] = self._begins

    def save(self, draft: Draft) -> None:
        """Says which sections the profiles hold, and how their words are written."""
        if self._resting or len(self._facts) or self.sparse.rests:
            self._save_apart(draft)
            return
        slots, measured = draft.slots, self.sparse.measured(draft.slots)
        draft.shapes = [(*self._widths, (PACKED, width)) if width else self._widths for width in measured.widths]
        draft.shape_of = measured.width_of

        def put(words: Int64s, gaps: Int64s) -> None:
            self._put_dense(slots, words, gaps)
            self.sparse.pack_into(measured, words, gaps + len(self._begins))

        draft.put_sections = put

    def _save_apart(self, draft: Draft) -> None:
        """As `save`, where some profiles hold what has to be looked for in each by itself."""
        slots, beside = draft.slots, [self._beside(slot) for slot in draft.slots.tolist()]
        shapes: dict[Widths, int] = {}
        draft.shape_of = np.array([shapes.setdefault(widths, len(shapes)) for widths, _ in beside], np.int64)
        draft.shapes = [self._widths + widths for widths in shapes]

        def put(words: Int64s, gaps: Int64s) -> None:
            self._put_dense(slots, words, gaps)
            for place, (_, own) in zip((gaps + len(self._begins)).tolist(), beside, strict=True):
                words[place : place + len(own)] = own.view(np.int64)

        draft.put_sections = put

    def _put_dense(self, slots: Int64s, words: Int64s, gaps: Int64s) -> None:
        if len(self._begins):
            put_rows(self.words.view(np.int64), slots, words, gaps)

    def _beside(self, slot: int) -> SavedSections:
        """Returns what the profile of a slot has beside the dense sections."""
        parts = (*(each.saved(slot) for each in self._few), self._resting.get(slot))
        found = [part for part in parts if part is not None]
        widths = tuple(section for part in found for section in part.widths)
        return SavedSections(widths, np.concatenate([np.zeros(0), *(part.words for part in found)]))

    def restore(self, slot: int, saved: SavedHead, pages: Sequence[tuple[int, bytes]]) -> None:
        """Gives each declared section the words that were saved of it; new ones learn what the profile retains; the others rest."""
        known, words = saved.meaning.sections, saved.sections
        where = places_of(known)
        others = known
        for each in self._few:
            left = each.restore(slot, known, words)
            others = tuple(section for section in others if section in left)
        for section in self._dense:
            place = where.get((section.name, section.width))
            if place is not None:
                self.words[slot, self._places[section.name]] = words[place]
            elif section.warm_up is not None:
                self._warm_up(slot, section)
            elif section.begin is not None:
                section.begin(self.sparse, slot, self._retained(slot))
        rest = [section for section in others if section not in self._widths and words[where[section]].any()][:RESTING_MAX]
        if rest:
            self._resting[slot] = SavedSections(tuple(rest), np.concatenate([words[where[section]] for section in rest]))

    def _warm_up(self, slot: int, section: Section) -> None:
        way = section.warm_up
        assert way is not None
        retained = self._retained(slot)
        rows = np.column_stack([retained.column(name) / scale for name, scale in zip(way.columns, way.scales, strict=True)])
        values = rows[:, 0] if len(way.columns) == 1 else rows
        own = self.words[slot : slot + 1, self._places[section.name]]
        way.learn(own, np.zeros(len(values), np.int64), values, np.empty(len(values)))

    def forget(self, slots: Sequence[int]) -> None:
        """Empties `slots`."""
        for each in self._few:
            each.forget(slots)
        for slot in slots:
            self._resting.pop(slot, None)

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held."""
        few = sum(each.size_bytes(keys) for each in self._few)
        return self.bytes_of_key * keys + few + len(self._resting) * _RESTING_BYTES

    @property
    def bytes_of_key(self) -> int:
        """Returns the bytes that every key takes."""
        return 8 * len(self._begins)
