"""Holds all profiles of one entity type in one process."""

from collections.abc import Iterable, Sequence
from itertools import filterfalse
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.kernel import kernel
from features.kernel.labels import NOTE_RANK_BIT
from features.kernel.remembering import store_outcomes
from features.kernel.retracted import note_outcomes
from features.kernel.room import has_room
from features.layout.layout import (
    DROPPED_MS,
    END,
    LONG_AGO,
    NEWEST,
    OUTCOME,
    PAGE,
    PAGE_BITS,
    PAGE_WORDS,
    RETRACT,
    SCORE,
    SEALED,
    ProfileSlab,
)
from features.plan.plan import Plan
from features.profiles.codec import Saved, read_head
from features.profiles.fact_table import FactTable
from features.profiles.keyed_state import Draft, KeyedState
from features.profiles.section_store import SectionStore
from features.profiles.sections import Section
from features.profiles.slab import entries_of, with_lines, with_room, with_values
from features.profiles.window_state import WindowState
from features.schema.batch import Batch
from features.schema.event import user_keys
from features.windows.row_label import VISIBLE_MAX_MS
from foundation.kernel_arrays import FLOAT64, for_kernel
from foundation.number_arrays import Float64s, Int64s

_CHUNK = 8_192
_KEY_BYTES = 256
"""Estimated bytes of a key as a text, with its entries in a dictionary and a list."""


class Observed(NamedTuple):
    """Says what became of n events.

    Args:
        flags: [n] bits of `layout`: LATE, TOO_LATE, DUPLICATE, ID_REUSED, WARMING, CORRECTED, RETRACTED, UNKNOWN, TOO_FAR_BACK, TOO_OFTEN.
        rows: [n] references to the retained rows, -1 where the event is not retained; a duplicate refers to the first event, and an event
            that is now retracted to its note. They are valid until the next call.
        outcomes: [n] what `remember` was given for an event that is now corrected or retracted, and for the retraction if the event repeats
            a retracted one; else 0.
    """

    flags: NDArray[Any]
    rows: Int64s
    outcomes: Int64s


class Profiles:
    """Keeps profiles in flat arrays: windows, which a compiled kernel updates, and sections, both under `KeyedState`.

    Args:
        plan: what to compute from each event.
        sections: what else is kept of each key, see `section`. Restored words go to the section of their name and width; other sections
            rest until the profile is restored in a process that uses them.
        durable: whether to track what `save` has to return; without it `save` must not be called.
        forgotten_ms: the time after which the state of a key is forgotten, if windows reach further back: then a new key may have had
            earlier events, and its features say so. 0 means that a new key never had any.

    Results depend only on the order of each key's events and labels, not on how they are cut into batches, nor on saves.
    """

    def __init__(self, plan: Plan, sections: tuple[Section, ...] = (), durable: bool = True, forgotten_ms: int = 0) -> None:
        self.plan = plan
        self._windows = WindowState(plan, durable)
        self.facts = FactTable([fact.name for fact in plan.schema.facts_of(plan.kind)])
        self.sections = SectionStore(sections, self._windows.retained, self.facts, lambda slots: self.slab.heads[slots, NEWEST])
        self._states: tuple[KeyedState, ...] = (self._windows, self.sections)
        self._durable = durable
        self._forgotten_ms = forgotten_ms
        self._index: dict[str, int] = {}
        self._keys: list[str] = []
        self._free_slots: list[int] = []
        self._used = np.zeros(len(self.slab.heads), dtype=np.int64)
        self.sections.grow(len(self._used))
        self._tick = 0

    @property
    def slab(self) -> ProfileSlab:
        """Returns the arrays of windows and rows; they move when they grow."""
        return self._windows.slab

    def __len__(self) -> int:
        return len(self._index)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Returns those of `keys` that have no profile here, each once."""
        return list(dict.fromkeys(filterfalse(self._index.__contains__, keys)))

    def slots(self, keys: Sequence[str]) -> Int64s:
        """Returns the slot [n] of each key; a new key gets an empty profile."""
        known = self.known(keys)
        if known is not None:
            return known
        for key in self.missing(keys):
            self._add(key)
        return np.fromiter(map(self._index.__getitem__, keys), np.int64, len(keys))

    def known(self, keys: Sequence[str]) -> Int64s | None:
        """Returns the slot [n] of each key; None where one has no profile here."""
        try:
            return np.fromiter(map(self._index.__getitem__, keys), np.int64, len(keys))
        except KeyError:
            return None

    def keys_of(self, slots: Int64s) -> list[str]:
        """Returns the key of each slot."""
        return [self._keys[slot] for slot in slots.tolist()]

    def section(self, name: str) -> Float64s:
        """Returns the words of a declared section, [rows, width], to be changed in place; `view` gives them as whole numbers.

        The row of a key is that of `section_rows`: its slot where the section is dense. They are valid until the next call that adds keys
        or rows.
        """
        return self.sections.words_of(name)

    def section_rows(self, name: str, slots: Int64s, make: bool = False) -> Int64s:
        """Returns the row [n] of each slot in `section`; -1 where a sparse section has none for it, unless `make` says to make them."""
        return self.sections.rows(name, slots, make)

    def observe(self, slots: Int64s, batch: Batch, values: Float64s, out: Float64s) -> Observed:
        """Takes in a batch in its order; event i belongs to slots[i].

        Args:
            values: [n, columns] the row values of each event; columns that the kernel fills in may hold anything.
            out: [n, plan.width] readings, written. They are NaN for the user's too late, duplicate and reused events, and for all events
                that are retracted or unknown.
        """
        n = len(batch)
        result = for_kernel(out, FLOAT64)
        flags, rows, outcomes = np.zeros((3, n), np.int64)
        rows.fill(END)
        ops = batch.ops.astype(np.int64)
        retracted = int(np.count_nonzero(ops == RETRACT)) if np.count_nonzero(ops) else 0
        times = (slots, batch.times_ms, batch.orders, batch.id_keys, batch.body_keys)
        columns = [*map(for_kernel, times), self._user_keys(batch.users), ops, for_kernel(values, FLOAT64), result]
        self._windows.reclaim()
        if self._forgotten_ms:
            self._say_forgotten(slots, batch.times_ms)
        if n <= _CHUNK:
            self._take_in([*columns, flags, rows, outcomes], retracted)
        else:
            for start in range(0, n, _CHUNK):
                self._take_in([column[start : start + _CHUNK] for column in (*columns, flags, rows, outcomes)], retracted)
        if result is not out:
            out[:] = result
        self._tick += 1
        self._used[slots] = self._tick
        return Observed(flags.astype(np.uint16), rows, outcomes)

    def _user_keys(self, users: Sequence[str]) -> Int64s:
        """Returns what distinguishes users' events with one id: zeros in the users' own profiles."""
        return np.zeros(len(users), np.int64) if self.plan.is_user else user_keys(users)

    def _take_in(self, columns: list[NDArray[Any]], retracted: int) -> None:
        """Takes in events, at most `retracted` of which are retracted: each of these needs a note."""
        n = len(columns[0])
        flags = columns[-3]
        if not has_room(self._windows.context(), n, retracted, entries_of(self.plan, n)):
            self._windows.slab = with_values(with_lines(with_room(self.slab, n, retracted)), self.plan, n)
        context = self._windows.context()
        kernel.bring(context, *columns)
        done = int(kernel.observe(context, 0))
        while done < n:
            if not kernel.settle(self._windows.context(), done):
                self._make_room(columns)  # the next call settles the event
            elif flags[done] == kernel.AGAIN:
                flags[done] = 0
                done = kernel.observe(self._windows.context(), done)
            else:
                done = kernel.observe(self._windows.context(), done + 1)
        if not self._durable:
            self.slab.counters[SEALED] = 0

    def _make_room(self, columns: list[NDArray[Any]]) -> None:
        """Makes room for values, and tells the kernel where arrays stand now."""
        self._windows.slab = with_values(self.slab, self.plan, len(columns[0]))
        kernel.bring(self._windows.context(), *columns)

    def remember(self, rows: Int64s, scores: Float64s, outcomes: Int64s) -> None:
        """Stores with each event its score and a number of the caller's. Rows of -1 are skipped.

        A retraction has no score, and its number is at least 0.
        """
        slab = self.slab
        columns = (for_kernel(rows), for_kernel(scores, FLOAT64), for_kernel(outcomes))
        if store_outcomes(slab.pages, slab.pages_f, self.plan.row_words, *columns):
            note_outcomes(self.slab, rows, outcomes)

    def recall(self, rows: Int64s) -> tuple[Float64s, Int64s]:
        """Returns the scores and numbers that `remember` stored; NaN and 0 where there are none."""
        scores = np.full(len(rows), np.nan)
        outcomes = np.zeros(len(rows), dtype=np.int64)
        kept = rows >= 0
        pages, words = self._words(rows[kept])
        scores[kept] = self.slab.pages_f[pages, words + SCORE]
        outcomes[kept] = self.slab.pages[pages, words + OUTCOME]
        return scores, outcomes

    def label(
        self,
        slots: Int64s,
        event_times_ms: Int64s,
        id_keys: Int64s,
        users: Sequence[str],
        labels: NDArray[np.int8],
        visible_ms: Int64s,
        ranks: NDArray[np.int8] | None = None,
    ) -> None:
        """Takes in labels (1 positive, 0 negative) of events of `users`, visible to events from `visible_ms` on (inclusive).

        A label may come before or after its event. Of several labels of one event that are visible, the one of the greatest of `ranks`
        (`features.schema.label_sources`; None for 0 each) stands, of equal ones the one with the latest `visible_ms`, then a positive one.
        """
        if not ((labels == 0) | (labels == 1)).all():
            raise ValueError("expected labels of 0 and 1, got others")
        self._windows.slab = with_room(self.slab, 0, len(slots))
        visible = np.clip(visible_ms, 0, VISIBLE_MAX_MS)
        user_keys = self._user_keys(users)
        noted = user_keys << 1 | labels
        if ranks is not None:
            noted |= ranks.astype(np.int64) << NOTE_RANK_BIT
        columns = (slots, event_times_ms, id_keys ^ user_keys, noted, visible)
        kernel.note_labels(self._windows.context(), *[for_kernel(column) for column in columns])
        self._tick += 1
        self._used[slots] = self._tick

    def save(self, slots: Int64s) -> Saved:
        """Returns what changed of `slots` since the last save; each slot stands once in it. Less than a microsecond a slot."""
        draft = Draft.of(for_kernel(slots))
        for state in reversed(self._states):  # windows make bytes of what the others have put in
            state.save(draft)
        return Saved(draft.heads, draft.pages, draft.dropped)

    def restore(self, key: str, head: bytes, pages: Sequence[tuple[int, bytes]]) -> None:
        """Restores what `save` gave, even under another plan; replaces an existing profile of `key`.

        Raises:
            Refusal: the bytes are no profile.
        """
        saved = read_head(head, self.plan.is_user)
        if key in self._index:
            self._forget([self._index[key]])
        slot = self._add(key)
        for state in self._states:  # sections that are new learn from the rows of the windows
            state.restore(slot, saved, pages)

    @property
    def size_bytes(self) -> int:
        """Returns the approximate memory in use, without what is free inside the arrays."""
        return sum(state.size_bytes(len(self)) for state in self._states) + _KEY_BYTES * len(self)

    def evict(self, bytes_least: int) -> int:
        """Forgets the least recently used profiles, which must be saved, until `bytes_least` bytes are free or none is left.

        Returns:
            The number of bytes that became free.
        """
        before = self.size_bytes
        while self._index and before - self.size_bytes < bytes_least:
            self._forget(self._least_used(bytes_least - before + self.size_bytes))
        return before - self.size_bytes

    def _least_used(self, bytes_least: int) -> list[int]:
        """Returns the least recently used slots that hold that many bytes if all their pages are full."""
        slots = np.fromiter(self._index.values(), dtype=np.int64, count=len(self._index))
        slots = slots[np.argsort(self._used[slots], kind="stable")]
        held = self._windows.bytes_at_most(slots) + self.sections.bytes_of_key + _KEY_BYTES
        chosen: list[int] = slots[: np.searchsorted(np.cumsum(held), bytes_least) + 1].tolist()
        return chosen

    def discard(self, keys: Sequence[str]) -> None:
        """Forgets the profiles of `keys`, which must be saved; unknown keys are skipped."""
        held = [self._index[key] for key in dict.fromkeys(keys) if key in self._index]
        if held:
            self._forget(held)

    def _add(self, key: str) -> int:
        if self._free_slots:
            slot = self._free_slots.pop()
            self._keys[slot] = key
        else:
            slot = len(self._keys)
            self._keys.append(key)
            self._grow(slot + 1)
        for state in self._states:
            state.begin(slot)
        self._used[slot] = self._tick
        self._index[key] = slot
        return slot

    def _grow(self, slots: int) -> None:
        self._windows.grow(slots)
        have = len(self.slab.heads)  # all states have room for as many slots as windows
        if len(self._used) < have:
            self.sections.grow(have)
            self._used = np.concatenate([self._used, np.zeros(have - len(self._used), dtype=np.int64)])

    def _forget(self, slots: list[int]) -> None:
        for state in self._states:
            state.forget(slots)
        for slot in slots:
            del self._index[self._keys[slot]]
        self._free_slots.extend(slots)

    def _say_forgotten(self, slots: Int64s, times_ms: Int64s) -> None:
        """Marks slots without any event: earlier events may be forgotten up to a time."""
        fresh = np.flatnonzero(self.slab.heads[slots, NEWEST] == LONG_AGO)
        new, first = np.unique(slots[fresh], return_index=True)
        gone_ms = times_ms[fresh[first]] - self._forgotten_ms
        self.slab.heads[new, DROPPED_MS] = np.maximum(self.slab.heads[new, DROPPED_MS], gone_ms)

    def _words(self, rows: Int64s) -> tuple[Int64s, Int64s]:
        return rows >> PAGE_BITS, PAGE_WORDS + (rows & (PAGE - 1)) * self.plan.row_words
