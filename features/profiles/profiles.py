"""Holds all profiles of one entity type in one process."""

from collections.abc import Iterable, Sequence
from itertools import filterfalse
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.kernel import kernel
from features.kernel.inputs import MORE
from features.kernel.labels import NOTE_RANK_BIT
from features.kernel.retracted import note_outcomes
from features.layout.kernel_context import context_of
from features.layout.layout import (
    DIRTY,
    DROPPED,
    DROPPED_MS,
    END,
    LAST,
    LONG_AGO,
    NEWEST,
    OUTCOME,
    OWNER,
    PAGE,
    PAGE_BITS,
    PAGE_WORDS,
    RETRACT,
    ROWS,
    SCORE,
    SEALED,
    SEQ,
    Arena,
)
from features.plan.plan import Plan
from features.profiles.arena import bytes_in_use, empty_arena, page_bytes, recycle, slot_bytes, with_room, with_slots, with_values
from features.profiles.codec import Saved, heads_as_bytes
from features.profiles.fact_table import FactTable
from features.profiles.page_encoding import pages_as_bytes
from features.profiles.restore import forget, place_profile
from features.profiles.sections import Resting, Section, Widths, place_sections, places_of, warm_up, widths_of
from features.schema.batch import Batch
from features.schema.event import user_keys
from features.windows.row_label import VISIBLE_MAX_MS
from foundation.number_arrays import Float64s, Int64s

_CHUNK = 8_192
_OPS = 6
"""Position of the operations among the columns of a batch."""
_KEY_BYTES = 256
"""Estimated bytes of a key as a text, with its entries in a dictionary and a list."""
_RESTING_BYTES = 640
"""Estimated bytes of the sections at rest in a profile, with the objects around them."""


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
    """Keeps profiles in a slab of flat arrays, which a compiled kernel updates.

    Args:
        plan: what to compute from each event.
        sections: what else is kept of each key, see `section`. Restored cells go to the section of their name and width; other sections
            rest until the profile is restored in a process that uses them.
        durable: whether to track what `save` has to return; without it `save` must not be called.
        forgotten_ms: the time after which the state of a key is forgotten, if windows reach further back: then a new key may have had
            earlier events, and its features say so. 0 means that a new key never had any.

    Results depend only on the order of each key's events and labels, not on how they are cut into batches, nor on saves.
    """

    def __init__(self, plan: Plan, sections: tuple[Section, ...] = (), durable: bool = True, forgotten_ms: int = 0) -> None:
        self.plan = plan
        self.arena = empty_arena(plan)
        self._declared = sections
        self._widths = widths_of(sections)
        self._places = {name: place for (name, _), place in places_of(self._widths).items()}
        self._sections: Float64s = np.zeros((len(self.arena.heads), sum(width for _, width in self._widths)))
        self._resting: dict[int, Resting] = {}
        self.facts = FactTable([fact.name for fact in plan.schema.facts_of(plan.kind)])
        self._durable = durable
        self._forgotten_ms = forgotten_ms
        self._index: dict[str, int] = {}
        self._keys: list[str] = []
        self._free_slots: list[int] = []
        self._used = np.zeros(len(self.arena.heads), dtype=np.int64)
        self._tick = 0
        self._gone: list[Int64s] = []
        self._context_arena: Arena | None = None
        self._table = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._index)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Returns those of `keys` that have no profile here, each once."""
        return list(dict.fromkeys(filterfalse(self._index.__contains__, keys)))

    def slots(self, keys: Sequence[str]) -> Int64s:
        """Returns the slot [n] of each key; a new key gets an empty profile."""
        for key in self.missing(keys):
            self._add(key)
        return np.fromiter(map(self._index.__getitem__, keys), np.int64, len(keys))

    def section(self, name: str) -> Float64s:
        """Returns the cells of a declared section, [slots, width], to be changed in place; `view` gives them as whole numbers.

        They are valid until the next call that adds keys.
        """
        return self._sections[:, self._places[name]]

    def observe(self, slots: Int64s, batch: Batch, values: Float64s, out: Float64s) -> Observed:
        """Takes in a batch in its order; event i belongs to slots[i].

        Args:
            values: [n, columns] the row values of each event; columns that the kernel fills in may hold anything.
            out: [n, plan.width] readings, written. They are NaN for the user's too late, duplicate and reused events, and for all events
                that are retracted or unknown.
        """
        n = len(batch)
        result = _plain(out, np.float64)
        observed = Observed(np.zeros(n, np.int64), np.full(n, END), np.zeros(n, np.int64))
        keys = (batch.id_keys, batch.body_keys, self._user_keys(batch.users))
        columns = [_plain(column) for column in (slots, batch.times_ms, batch.orders, *keys, batch.ops)]
        words = _plain(values, np.float64)
        self._reclaim()
        if self._forgotten_ms:
            self._say_forgotten(slots, batch.times_ms)
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._take_in([*[column[part] for column in columns], words[part], result[part], *[column[part] for column in observed]])
        if result is not out:
            out[:] = result
        self._tick += 1
        self._used[slots] = self._tick
        return observed._replace(flags=observed.flags.astype(np.uint16))

    def _user_keys(self, users: Sequence[str]) -> Int64s:
        """Returns what distinguishes users' events with one id: zeros in the users' own profiles."""
        return np.zeros(len(users), np.int64) if self.plan.is_user else user_keys(users)

    def _take_in(self, columns: list[NDArray[Any]]) -> None:
        n = len(columns[0])
        flags = columns[-3]
        self.arena = with_room(self.arena, n, int(np.count_nonzero(columns[_OPS] == RETRACT)))
        done = self._go_on(columns, 0)
        while done < n:
            if not kernel.settle(self._table, done):
                self._go_on(columns, n)  # this only made room; the next call settles the event
            elif flags[done] == kernel.AGAIN:
                flags[done] = 0
                done = kernel.observe(self._table, done)
            else:
                done = kernel.observe(self._table, done + 1)
        if not self._durable:
            self.arena.counters[SEALED] = 0

    def _go_on(self, columns: list[NDArray[Any]], start: int) -> int:
        """Makes room for values, and lets the kernel take in the events from `start` on with current addresses."""
        self.arena = with_values(self.arena, self.plan, len(columns[0]))
        kernel.bring(self._context(), *columns)
        return int(kernel.observe(self._table, start))

    def remember(self, rows: Int64s, scores: Float64s, outcomes: Int64s) -> None:
        """Stores with each event its score and a number of the caller's. Rows of -1 are skipped.

        A retraction has no score, and its number is at least 0.
        """
        kept = rows >= 0
        pages, words = self._words(rows[kept])
        self.arena.pages_f[pages, words + SCORE] = scores[kept]
        self.arena.pages[pages, words + OUTCOME] = outcomes[kept]
        if not kept.all():
            note_outcomes(self.arena, rows, outcomes)

    def recall(self, rows: Int64s) -> tuple[Float64s, Int64s]:
        """Returns the scores and numbers that `remember` stored; NaN and 0 where there are none."""
        scores = np.full(len(rows), np.nan)
        outcomes = np.zeros(len(rows), dtype=np.int64)
        kept = rows >= 0
        pages, words = self._words(rows[kept])
        scores[kept] = self.arena.pages_f[pages, words + SCORE]
        outcomes[kept] = self.arena.pages[pages, words + OUTCOME]
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
        self.arena = with_room(self.arena, 0, len(slots))
        visible = np.clip(visible_ms, 0, VISIBLE_MAX_MS)
        user_keys = self._user_keys(users)
        noted = user_keys << 1 | labels
        if ranks is not None:
            noted |= ranks.astype(np.int64) << NOTE_RANK_BIT
        columns = (slots, event_times_ms, id_keys ^ user_keys, noted, visible)
        kernel.note_labels(self._context(), *[_plain(column) for column in columns])
        self._tick += 1
        self._used[slots] = self._tick

    def save(self, slots: Int64s) -> Saved:
        """Returns what changed of `slots` since the last save; each slot stands once in it. About a microsecond a slot."""
        self._reclaim()
        position = {slot: at for at, slot in enumerate(slots.tolist())}
        return Saved(
            heads=self._heads(_plain(slots)),
            pages=self._changed_pages(position),
            dropped=self._dropped_pages(position),
        )

    def restore(self, key: str, head: bytes, pages: Sequence[tuple[int, bytes]]) -> None:
        """Restores what `save` gave, even under another plan; replaces an existing profile of `key`.

        Raises:
            Refusal: the bytes are no profile.
        """
        if key in self._index:
            self._forget([self._index[key]])
        self._reclaim()
        self.arena = with_room(self.arena, len(pages) + 1, 0)
        slot = self._add(key)
        self.arena, saved = place_profile(self.arena, self.plan, slot, head, pages)
        known = saved.meaning.sections
        others = self.facts.restore(slot, known, saved.sections)
        resting = place_sections(known, saved.sections, self._widths, self._sections[slot], others)
        if resting is not None:
            self._resting[slot] = resting
        warm_up(self.arena, self.plan, slot, known, self._declared, self._sections[slot])
        self.arena.heads[slot, DROPPED_MS] = max(self.arena.heads[slot, DROPPED_MS], self.plan.began_ms)

    @property
    def size_bytes(self) -> int:
        """Returns the approximate memory in use, without what is free inside the arrays."""
        beside = _KEY_BYTES + 8 * int(self._sections.shape[1])
        resting = len(self._resting) * _RESTING_BYTES
        return bytes_in_use(self.arena, len(self._index)) + len(self._index) * beside + resting + self.facts.size_bytes

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
        own = slot_bytes(self.arena) + _KEY_BYTES + 8 * self._sections.shape[1]
        held = own + page_bytes(self.arena) * -(-self.arena.heads[slots, ROWS] // PAGE)
        chosen: list[int] = slots[: np.searchsorted(np.cumsum(held), bytes_least) + 1].tolist()
        return chosen

    def discard(self, keys: Sequence[str]) -> None:
        """Forgets the profiles of `keys`, which must be saved; unknown keys are skipped."""
        held = [self._index[key] for key in dict.fromkeys(keys) if key in self._index]
        if held:
            self._forget(held)

    def _context(self) -> Int64s:
        if self._context_arena is not self.arena:
            self._context_arena, self._table = self.arena, context_of(self.arena, self.plan.arrays, MORE)
        return self._table

    def _add(self, key: str) -> int:
        if self._free_slots:
            slot = self._free_slots.pop()
            self._keys[slot] = key
        else:
            slot = len(self._keys)
            self._keys.append(key)
            self._grow(slot + 1)
        self._sections[slot] = 0.0
        self._begin(slot)
        self._used[slot] = self._tick
        self._index[key] = slot
        return slot

    def _begin(self, slot: int) -> None:
        """Marks an empty profile: rows from before its entity type began are gone."""
        if self.plan.began_ms > LONG_AGO:
            head = self.arena.heads[slot]
            head[DROPPED_MS] = self.plan.began_ms
            head[[carried.word + carried.words - 1 for carried in self.plan.carried]] = self.plan.began_ms + 1

    def _grow(self, slots: int) -> None:
        self.arena = with_slots(self.arena, self.plan, slots)
        if len(self._sections) < len(self.arena.heads):
            longer = np.zeros((len(self.arena.heads), self._sections.shape[1]))
            longer[: len(self._sections)] = self._sections
            self._sections = longer
            self._used = np.concatenate([self._used, np.zeros(len(longer) - len(self._used), dtype=np.int64)])

    def _forget(self, slots: list[int]) -> None:
        forget(self.arena, self.plan, slots)
        self.facts.forget(slots)
        for slot in slots:
            del self._index[self._keys[slot]]
            self._resting.pop(slot, None)
        self._free_slots.extend(slots)
        self._gone = [rows[~np.isin(rows[:, 0], slots)] for rows in self._gone]

    def _reclaim(self) -> None:
        if self.arena.counters[DROPPED]:
            gone = recycle(self.arena)
            if self._durable:
                self._gone.append(gone)

    def _say_forgotten(self, slots: Int64s, times_ms: Int64s) -> None:
        """Marks slots without any event: earlier events may be forgotten up to a time."""
        fresh = np.flatnonzero(self.arena.heads[slots, NEWEST] == LONG_AGO)
        new, first = np.unique(slots[fresh], return_index=True)
        gone_ms = times_ms[fresh[first]] - self._forgotten_ms
        self.arena.heads[new, DROPPED_MS] = np.maximum(self.arena.heads[new, DROPPED_MS], gone_ms)

    def _words(self, rows: Int64s) -> tuple[Int64s, Int64s]:
        return rows >> PAGE_BITS, PAGE_WORDS + (rows & (PAGE - 1)) * self.plan.row_words

    def _heads(self, slots: Int64s) -> list[bytes]:
        """Returns the heads of `slots`. Heads that have the same sections beside those in use are encoded together."""
        if not self._resting and not len(self.facts):
            return heads_as_bytes(self.arena, self.plan, slots, self._sections[slots], self._widths)
        beside = {slot: found for slot in slots.tolist() if (found := self._beside(slot)) is not None}
        alike: dict[Widths, list[int]] = {}
        for at, slot in enumerate(slots.tolist()):
            alike.setdefault(beside[slot].widths if slot in beside else (), []).append(at)
        heads = [b""] * len(slots)
        for widths, places in alike.items():
            own = slots[places]
            words = self._sections[own]
            if widths:
                words = np.hstack([words, [beside[slot].words for slot in own.tolist()]])
            for at, head in zip(places, heads_as_bytes(self.arena, self.plan, own, words, self._widths + widths), strict=True):
                heads[at] = head
        return heads

    def _beside(self, slot: int) -> Resting | None:
        """Returns what a profile has beside the sections in use: those that rest, and its facts."""
        resting, facts = self._resting.get(slot), self.facts.saved(slot)
        if resting is None or facts is None:
            return resting if facts is None else Resting(*facts)
        return Resting(resting.widths + facts[0], np.concatenate([resting.words, facts[1]]))

    def _changed_pages(self, position: dict[int, int]) -> list[tuple[int, int, bytes]]:
        if not self.arena.counters[SEALED]:
            return []
        pages, log = self.arena.pages, self.arena.sealed
        saved, kept = [], 0
        for slot, page in log[: self.arena.counters[SEALED]].tolist():
            row = pages[page]
            if not row[DIRTY] or row[OWNER] != slot or page == self.arena.heads[slot, LAST]:
                continue
            if slot not in position:
                log[kept] = slot, page
                kept += 1
                continue
            row[DIRTY] = 0
            saved.append((position[slot], int(row[SEQ]), page))
        self.arena.counters[SEALED] = kept
        blobs = pages_as_bytes(self.arena, [page for _, _, page in saved], self.plan.row_words)
        return [(at, seq, blob) for (at, seq, _), blob in zip(saved, blobs, strict=True)]

    def _dropped_pages(self, position: dict[int, int]) -> list[tuple[int, int]]:
        if not self._gone:
            return []
        gone = [(slot, seq, page) for part in self._gone for slot, seq, page in part.tolist()]
        later = [row for row in gone if row[0] not in position]
        self._gone = [np.array(later, dtype=np.int64)] if later else []
        return [(position[slot], seq) for slot, seq, _ in gone if slot in position]


def _plain(array: NDArray[Any], type: Any = np.int64) -> NDArray[Any]:
    """Returns `array` as the kernel was compiled for: contiguous, writable, and of its type."""
    flags = array.flags
    if array.dtype == type and flags.c_contiguous and flags.writeable:  # nearly always true; np.require takes 2 µs to find out
        return array
    return np.require(array, type, ["C", "W"])
