"""Keeps the windows of all profiles of one entity type, and the rows that they are made of, in arrays that a compiled kernel updates."""

from collections.abc import Sequence

import numpy as np

from features.kernel.inputs import MORE
from features.layout.kernel_context import NewestContext
from features.layout.layout import (
    DIRTY,
    DROPPED,
    DROPPED_MS,
    FILL,
    FIRST,
    ID,
    LAST,
    LONG_AGO,
    NEXT,
    NUMBERS_OF_ENTITY,
    NUMBERS_OF_USER,
    OWNER,
    PAGE,
    PAGE_WORDS,
    ROWS,
    SEALED,
    SEQ,
    TIME,
)
from features.plan.plan import Plan
from features.profiles.codec import SavedHead
from features.profiles.head_encoding import HeadEncoder
from features.profiles.keyed_state import Draft
from features.profiles.page_encoding import pages_as_bytes
from features.profiles.restore import forget, place_profile
from features.profiles.retained_rows import RetainedRows
from features.profiles.slab import bytes_in_use, empty_slab, filter_bytes, page_bytes, recycle, slot_bytes, with_room, with_slots
from foundation.number_arrays import Float64s, Int64s


class WindowState:
    """Keeps windows and retained rows by slot; `features.kernel` takes events in, and turns windows back.

    Args:
        plan: what the windows are.
        durable: whether to track what `save` has to write; without it `save` must not be called.
    """

    rewinds = True

    def __init__(self, plan: Plan, durable: bool) -> None:
        self.plan = plan
        self.slab = empty_slab(plan)
        self._durable = durable
        self._encoder = HeadEncoder(plan)
        self._gone: list[Int64s] = []
        self._context = NewestContext(plan.arrays, MORE)

    def context(self) -> Int64s:
        """Returns the table of addresses for the kernel, which is made anew when arrays have moved."""
        return self._context.of(self.slab)

    def retained(self, slot: int) -> RetainedRows:
        """Returns the retained rows of `slot`."""
        columns = [each.name for each in self.plan.columns]
        first = NUMBERS_OF_USER if self.plan.is_user else NUMBERS_OF_ENTITY
        return RetainedRows(
            lambda: self._retained(slot, TIME).view(np.int64),
            lambda: self._retained(slot, ID).view(np.int64),
            lambda name: self._retained(slot, first + columns.index(name)),
        )

    def _retained(self, slot: int, cell: int) -> Float64s:
        """Returns a cell of the retained rows of `slot`, oldest first."""
        plan, slab = self.plan, self.slab
        word = PAGE_WORDS + cell
        parts = [np.zeros(0)]
        page = int(slab.heads[slot, FIRST])
        while page >= 0:
            end = PAGE_WORDS + int(slab.pages[page, FILL]) * plan.row_words
            parts.append(slab.pages_f[page, word : end : plan.row_words])
            page = int(slab.pages[page, NEXT])
        return np.concatenate(parts)

    def grow(self, slots: int) -> None:
        """Makes room for so many slots."""
        self.slab = with_slots(self.slab, self.plan, slots)

    def begin(self, slot: int) -> None:
        """Marks an empty profile: rows from before its entity type began are gone."""
        if self.plan.began_ms > LONG_AGO:
            head = self.slab.heads[slot]
            head[DROPPED_MS] = self.plan.began_ms
            head[[carried.word + carried.words - 1 for carried in self.plan.carried]] = self.plan.began_ms + 1

    def save(self, draft: Draft) -> None:
        """Makes bytes of the heads, with the sections in them, and of what changed of the sealed pages."""
        self.reclaim()
        draft.heads = self._encoder.encode(self.context(), draft)
        if self.slab.counters[SEALED] or self._gone:
            position = {slot: at for at, slot in enumerate(draft.slots.tolist())}
            draft.pages = self._changed_pages(position)
            draft.dropped = self._dropped_pages(position)

    def restore(self, slot: int, saved: SavedHead, pages: Sequence[tuple[int, bytes]]) -> None:
        """Restores windows and rows, even of another plan: then windows are made anew from the rows."""
        self.reclaim()
        self.slab = place_profile(with_room(self.slab, len(pages) + 1, 0), self.plan, self._context, slot, saved, pages)
        self.slab.heads[slot, DROPPED_MS] = max(self.slab.heads[slot, DROPPED_MS], self.plan.began_ms)

    def forget(self, slots: Sequence[int]) -> None:
        """Empties `slots`, and frees their pages and notes."""
        forget(self.slab, self.plan, self._context, slots)
        self._gone = [rows[~np.isin(rows[:, 0], slots)] for rows in self._gone]

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held."""
        return bytes_in_use(self.slab, keys)

    def bytes_at_most(self, slots: Int64s) -> Int64s:
        """Returns the bytes of each slot, if all its pages are full."""
        pages = -(-self.slab.heads[slots, ROWS] // PAGE)
        held: Int64s = slot_bytes(self.slab) + page_bytes(self.slab) * pages + filter_bytes(self.slab, slots)
        return held

    def reclaim(self) -> None:
        """Frees the pages that the kernel has dropped."""
        if self.slab.counters[DROPPED]:
            gone = recycle(self.slab)
            if self._durable:
                self._gone.append(gone)

    def _changed_pages(self, position: dict[int, int]) -> list[tuple[int, int, bytes]]:
        pages, log = self.slab.pages, self.slab.sealed
        saved, kept = [], 0
        for slot, page in log[: self.slab.counters[SEALED]].tolist():
            row = pages[page]
            if not row[DIRTY] or row[OWNER] != slot or page == self.slab.heads[slot, LAST]:
                continue
            if slot not in position:
                log[kept] = slot, page
                kept += 1
                continue
            row[DIRTY] = 0
            saved.append((position[slot], int(row[SEQ]), page))
        self.slab.counters[SEALED] = kept
        blobs = pages_as_bytes(self.slab, [page for _, _, page in saved], self.plan.row_words)
        return [(at, seq, blob) for (at, seq, _), blob in zip(saved, blobs, strict=True)]

    def _dropped_pages(self, position: dict[int, int]) -> list[tuple[int, int]]:
        gone = [(slot, seq, page) for part in self._gone for slot, seq, page in part.tolist()]
        later = [row for row in gone if row[0] not in position]
        self._gone = [np.array(later, dtype=np.int64)] if later else []
        return [(position[slot], seq) for slot, seq, _ in gone if slot in position]
