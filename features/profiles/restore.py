"""Restores saved profiles into a slab, under the same plan or another, and forgets profiles."""

import itertools
from collections.abc import Sequence

import numpy as np

from features.kernel import kernel
from features.layout.kernel_context import NewestContext
from features.layout.layout import (
    BLOOM,
    BLOOM_2,
    DIRTY,
    DROPPED_MS,
    END,
    FILL,
    FILTER,
    FIRST,
    FREE_NOTES,
    FREE_PAGES,
    HEAD_WORDS,
    HEARD,
    ID,
    LAST,
    LONG_AGO,
    NEWEST,
    NEXT,
    NEXT_SEQ,
    NOTE_NEXT,
    ORDER,
    ORPHANS,
    OWNER,
    PAGE,
    PAGE_BITS,
    PAGE_WORDS,
    PREV,
    ROWS,
    SEALED,
    SEQ,
    TIME,
    UNKNOWN_MS,
    WAITING,
    ProfileSlab,
)
from features.plan.plan import Plan
from features.profiles.codec import SavedHead
from features.profiles.page_decoding import read_pages
from features.profiles.slab import blank_heads, with_room, with_values
from features.sets.mapping import mapped_rows, unknown_until
from foundation.number_arrays import Int64s


def place_profile(
    slab: ProfileSlab, plan: Plan, context: NewestContext, slot: int, saved: SavedHead, pages: Sequence[tuple[int, bytes]]
) -> ProfileSlab:
    """Fills the empty `slot` with a saved profile.

    The slab must have room for the pages; room for notes and values is made here. If pages are gone, for example after their time-to-live,
    windows are rebuilt from the remaining rows and say what they lack.
    """
    meaning = saved.meaning
    same_rows = meaning.columns == tuple(column.name for column in plan.columns)
    found = _sorted_pages(saved, pages)
    lost_ms = _lost_until(saved, found)
    chain = _link(slab, plan, slot, found if same_rows else _mapped(found, saved, plan), same_rows)
    head = slab.heads[slot]
    kept = [NEWEST, NEXT_SEQ, HEARD, DROPPED_MS, UNKNOWN_MS]
    head[kept] = saved.words[kept]
    head[DROPPED_MS] = max(head[DROPPED_MS], lost_ms)
    slab = with_values(slab, plan, int(head[ROWS]) + 1)
    here = np.array([slot], dtype=np.int64)
    if saved.layout == plan.layout and len(saved.words) == plan.head_words and lost_ms == LONG_AGO:
        head[HEAD_WORDS:] = saved.words[HEAD_WORDS:]
        for at in range(HEAD_WORDS, HEAD_WORDS + 2 * plan.cursors, 2):
            if head[at] >= 0:
                head[at] = (chain[int(head[at]) >> PAGE_BITS] << PAGE_BITS) + (head[at] & (PAGE - 1))
        kernel.rebuild_all(context.of(slab), here, False)
    else:
        _say_unknown(head, plan, saved)
        kernel.rebuild_all(context.of(slab), here, True)
        _carry(head, plan, saved, lost_ms)
    return _put_notes(slab, context, slot, saved)


def _lost_until(saved: SavedHead, found: list[tuple[int, Int64s]]) -> int:
    """Returns the time up to which rows are gone that the head still counts: those of sealed pages, before the open one."""
    if sum(len(rows) for _, rows in found) >= saved.words[ROWS]:
        return LONG_AGO
    return int(saved.rows[0, TIME]) if len(saved.rows) else int(saved.words[NEWEST])


def _say_unknown(head: Int64s, plan: Plan, saved: SavedHead) -> None:
    """Notes the time up to which rows lack each column; all rows lack a new one that cannot be computed."""
    was = dict(zip(saved.meaning.columns, saved.words[HEAD_WORDS + 2 * saved.meaning.cursors :].tolist(), strict=False))
    first = HEAD_WORDS + 2 * plan.cursors
    for at, column in enumerate(plan.columns):
        head[first + at] = unknown_until(column, was, int(head[NEWEST]), plan.schema)
    head[UNKNOWN_MS] = head[first : first + len(plan.columns)].max(initial=LONG_AGO)


def _carry(head: Int64s, plan: Plan, saved: SavedHead, lost_ms: int) -> None:
    """Continues windows without an end from what was saved of them: evicted rows cannot be added again.

    If rows are lost these windows say so, because some of them read rows a second time.
    """
    was = {carried.key: carried for carried in saved.meaning.carried}
    for carried in plan.carried:
        if carried.key in was:
            old = was[carried.key].word
            head[carried.word : carried.word + carried.words] = saved.words[old : old + carried.words]
        if lost_ms > LONG_AGO:
            began = carried.word + carried.words - 1
            head[began] = max(head[began], lost_ms + 1)


def _sorted_pages(saved: SavedHead, pages: Sequence[tuple[int, bytes]]) -> list[tuple[int, Int64s]]:
    rows = read_pages([blob for _, blob in pages], saved.stride)
    found = [(seq, part) for (seq, _), part in zip(pages, rows, strict=True)]
    found.sort(key=lambda page: (page[1][0, TIME], page[1][0, ORDER], page[0]))
    if len(saved.rows):
        found.append((saved.open_seq, saved.rows))
    return found


def _mapped(pages: list[tuple[int, Int64s]], saved: SavedHead, plan: Plan) -> list[tuple[int, Int64s]]:
    """Converts the pages' rows to rows of `plan`, all at once, because computed columns are computed as whole columns."""
    rows = np.concatenate([rows for _, rows in pages] or [np.zeros((0, saved.stride), dtype=np.int64)])
    ends = list(itertools.accumulate(len(rows) for _, rows in pages))
    mapped = np.split(mapped_rows(rows, saved.meaning.columns, plan), ends)
    return [(seq, part) for (seq, _), part in zip(pages, mapped, strict=False)]


def _link(slab: ProfileSlab, plan: Plan, slot: int, pages: list[tuple[int, Int64s]], same_rows: bool) -> dict[int, int]:
    """Writes the pages as the chain of `slot`; returns the page of each seq. Converted rows are marked to be saved again."""
    head = slab.heads[slot]
    places: dict[int, int] = {}
    before = END
    for seq, rows in pages:
        slab.counters[FREE_PAGES] -= 1
        page = int(slab.free_pages[slab.counters[FREE_PAGES]])
        words = slab.pages[page]
        words[[PREV, NEXT, FILL, SEQ, OWNER, DIRTY]] = before, END, len(rows), seq, slot, 0
        ids = rows[:, ID]
        words[BLOOM] = _bits(ids ^ (ids >> 12) ^ (ids >> 24))
        words[BLOOM_2] = _bits((ids >> 6) ^ (ids >> 18) ^ (ids >> 30))
        words[PAGE_WORDS : PAGE_WORDS + rows.size] = rows.ravel()
        if before >= 0:
            slab.pages[before, NEXT] = page
        else:
            head[FIRST] = page
        head[LAST] = page
        head[ROWS] += len(rows)
        places[seq] = before = page
    if not same_rows:
        _mark_sealed(slab, slot, [page for page in places.values() if page != head[LAST]])
    return places


def _bits(hashes: Int64s) -> np.int64:
    result: np.int64 = np.bitwise_or.reduce(np.int64(1) << (hashes & 63))
    return result


def _mark_sealed(slab: ProfileSlab, slot: int, pages: list[int]) -> None:
    for page in pages:
        if not slab.pages[page, DIRTY]:
            slab.pages[page, DIRTY] = 1
            slab.sealed[slab.counters[SEALED]] = slot, page
            slab.counters[SEALED] += 1


def _put_notes(slab: ProfileSlab, context: NewestContext, slot: int, saved: SavedHead) -> ProfileSlab:
    slab = with_room(slab, 0, len(saved.waiting) + len(saved.orphans))
    backwards = saved.orphans[::-1]  # each is put before those that are there, so that notes of one time keep their order
    in_order = backwards[np.argsort(backwards[:, 0], kind="stable")]  # earlier versions saved them in any order
    for event_ms, key, label, visible_ms in in_order.tolist():
        slab.counters[FREE_NOTES] -= 1
        note = int(slab.free_notes[slab.counters[FREE_NOTES]])
        slab.notes[note] = END, slab.heads[slot, ORPHANS], event_ms, key, label, visible_ms
        slab.heads[slot, ORPHANS] = note
    if len(saved.waiting):
        columns = [np.ascontiguousarray(column) for column in saved.waiting.T]
        kernel.note_labels(context.of(slab), np.full(len(saved.waiting), slot, dtype=np.int64), *columns)
    return slab


def forget(slab: ProfileSlab, plan: Plan, context: NewestContext, slots: Sequence[int]) -> None:
    """Empties `slots` and frees their pages and notes."""
    where = np.asarray(slots, dtype=np.int64)
    if plan.counted or plan.ranked or slab.filters[where, FILTER].any():
        kernel.clear_all(context.of(slab), where)
    for slot in slots:
        head = slab.heads[slot]
        page = int(head[FIRST])
        while page >= 0:
            slab.pages[page, [OWNER, DIRTY]] = END, 0
            slab.free_pages[slab.counters[FREE_PAGES]] = page
            slab.counters[FREE_PAGES] += 1
            page = int(slab.pages[page, NEXT])
        for first in (int(head[WAITING]), int(head[ORPHANS])):
            note = first
            while note >= 0:
                slab.free_notes[slab.counters[FREE_NOTES]] = note
                slab.counters[FREE_NOTES] += 1
                note = int(slab.notes[note, NOTE_NEXT])
    slab.heads[where] = blank_heads(plan, len(where))
    slab.edges[where] = END
    slab.backs[where] = np.inf
