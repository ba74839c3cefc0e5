"""Saved profiles put back into an arena, under the same plan or another; profiles forgotten."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features import kernel
from features.arena import blank_heads, with_room
from features.batch import Float64s, Int64s
from features.codec import Cells, SavedHead, read_head
from features.layout import (
    BLOOM,
    BLOOM_2,
    DIRTY,
    END,
    FILL,
    FIRST,
    FREE_NOTES,
    FREE_PAGES,
    HEAD_WORDS,
    HEARD,
    ID,
    LAST,
    NEWEST,
    NEXT,
    NEXT_SEQ,
    NOTE_NEXT,
    NUMBERS_OF_ENTITY,
    NUMBERS_OF_USER,
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
    WAITING,
    Arena,
)
from features.plan import Plan
from features.refusal import Refusal

_NAN_BITS = np.array([np.nan]).view(np.int64)[0]
_UNITS_FROM = HEAD_WORDS


def place_profile(
    arena: Arena, plan: Plan, slot: int, blob: bytes, pages: Sequence[tuple[int, bytes]]
) -> tuple[Arena, SavedHead]:
    """Fills the empty `slot` with a saved profile. The arena must have room for its pages; notes are made room for."""
    saved = read_head(blob, plan.is_user)
    same_rows = saved.columns == plan.columns
    chain = _link(arena, plan, slot, _sorted_pages(saved, pages), saved, same_rows)
    head = arena.heads[slot]
    kept = [NEWEST, NEXT_SEQ, HEARD]
    head[kept] = saved.words[kept]
    here = np.array([slot], dtype=np.int64)
    if saved.layout == plan.layout and len(saved.words) == plan.head_words:
        head[_UNITS_FROM:] = saved.words[_UNITS_FROM:]
        for at in range(HEAD_WORDS, HEAD_WORDS + 2 * len(plan.arrays.offsets), 2):
            if head[at] >= 0:
                head[at] = (chain[int(head[at]) >> PAGE_BITS] << PAGE_BITS) + (head[at] & (PAGE - 1))
        kernel.rebuild_all(arena, plan.arrays, here, False)
    else:
        kernel.rebuild_all(arena, plan.arrays, here, True)
    return _put_notes(arena, slot, saved), saved


def place_cells(saved: SavedHead, cells: Cells, extra: Float64s) -> None:
    """Gives each detector of `cells` the numbers that were saved of it; others keep what they have."""
    starts = _starts(saved.cells)
    for cell, start in _starts(cells).items():
        if cell in starts:
            extra[start : start + cell[1]] = saved.extra[starts[cell] : starts[cell] + cell[1]]


def _starts(cells: Cells) -> dict[tuple[str, int], int]:
    ends = itertools.accumulate((width for _, width in cells), initial=0)
    return dict(zip(cells, ends, strict=False))


def _sorted_pages(saved: SavedHead, pages: Sequence[tuple[int, bytes]]) -> list[tuple[int, Int64s]]:
    found: list[tuple[int, Int64s]] = []
    for seq, blob in pages:
        words = np.frombuffer(blob, dtype=np.int64) if len(blob) % 8 == 0 else np.zeros(1, dtype=np.int64)
        if len(words) % saved.stride or not 0 < len(words) <= PAGE * saved.stride:
            raise Refusal("not a page of history", where="state", expected=f"rows of {8 * saved.stride} bytes", got=f"{len(blob)} bytes")
        found.append((seq, words.reshape(-1, saved.stride)))
    found.sort(key=lambda page: (page[1][0, TIME], page[1][0, ORDER], page[0]))
    if len(saved.rows):
        found.append((saved.open_seq, saved.rows))
    return found


def _link(
    arena: Arena, plan: Plan, slot: int, pages: list[tuple[int, Int64s]], saved: SavedHead, same_rows: bool
) -> dict[int, int]:
    """Writes the pages as the chain of `slot`; gives the page of each seq. Rows under other columns must be saved again."""
    head = arena.heads[slot]
    places: dict[int, int] = {}
    before = END
    for seq, old_rows in pages:
        rows = old_rows if same_rows else mapped_rows(old_rows, saved.columns, plan)
        arena.counters[FREE_PAGES] -= 1
        page = int(arena.free_pages[arena.counters[FREE_PAGES]])
        words = arena.pages[page]
        words[[PREV, NEXT, FILL, SEQ, OWNER, DIRTY]] = before, END, len(rows), seq, slot, 0
        ids = rows[:, ID]
        words[BLOOM] = _bits(ids ^ (ids >> 12) ^ (ids >> 24))
        words[BLOOM_2] = _bits((ids >> 6) ^ (ids >> 18) ^ (ids >> 30))
        words[PAGE_WORDS : PAGE_WORDS + rows.size] = rows.ravel()
        if before >= 0:
            arena.pages[before, NEXT] = page
        else:
            head[FIRST] = page
        head[LAST] = page
        head[ROWS] += len(rows)
        places[seq] = before = page
    if not same_rows:
        _mark_sealed(arena, slot, [page for page in places.values() if page != head[LAST]])
    return places


def _bits(hashes: Int64s) -> np.int64:
    result: np.int64 = np.bitwise_or.reduce(np.int64(1) << (hashes & 63))
    return result


def _mark_sealed(arena: Arena, slot: int, pages: list[int]) -> None:
    for page in pages:
        if not arena.pages[page, DIRTY]:
            arena.pages[page, DIRTY] = 1
            arena.sealed[arena.counters[SEALED]] = slot, page
            arena.counters[SEALED] += 1


def mapped_rows(rows: Int64s, columns: tuple[str, ...], plan: Plan) -> Int64s:
    """Rows [..., words] under `columns` as rows of `plan`; a number that was not retained is NaN."""
    first = NUMBERS_OF_USER if plan.is_user else NUMBERS_OF_ENTITY
    result: NDArray[np.int64] = np.full((*rows.shape[:-1], plan.row_words), _NAN_BITS, dtype=np.int64)
    result[..., :first] = rows[..., :first]
    for at, name in enumerate(plan.columns):
        if name in columns:
            result[..., first + at] = rows[..., first + columns.index(name)]
    return result


def _put_notes(arena: Arena, slot: int, saved: SavedHead) -> Arena:
    arena = with_room(arena, 0, len(saved.waiting) + len(saved.orphans))
    for event_ms, id_key, label, visible_ms in saved.orphans[::-1].tolist():
        arena.counters[FREE_NOTES] -= 1
        note = int(arena.free_notes[arena.counters[FREE_NOTES]])
        arena.notes[note] = END, arena.heads[slot, ORPHANS], event_ms, id_key, label, visible_ms
        arena.heads[slot, ORPHANS] = note
    if len(saved.waiting):
        columns = [np.ascontiguousarray(column) for column in saved.waiting.T]
        kernel.note_labels(arena, np.full(len(saved.waiting), slot, dtype=np.int64), *columns)
    return arena


def forget(arena: Arena, plan: Plan, slots: Sequence[int]) -> None:
    """Frees the pages and notes of `slots` and leaves them empty."""
    for slot in slots:
        head = arena.heads[slot]
        page = int(head[FIRST])
        while page >= 0:
            arena.pages[page, [OWNER, DIRTY]] = END, 0
            arena.free_pages[arena.counters[FREE_PAGES]] = page
            arena.counters[FREE_PAGES] += 1
            page = int(arena.pages[page, NEXT])
        for first in (int(head[WAITING]), int(head[ORPHANS])):
            note = first
            while note >= 0:
                arena.free_notes[arena.counters[FREE_NOTES]] = note
                arena.counters[FREE_NOTES] += 1
                note = int(arena.notes[note, NOTE_NEXT])
    where = np.asarray(slots, dtype=np.int64)
    arena.heads[where] = blank_heads(plan, len(where))
    arena.edges[where] = END
    arena.backs[where] = np.inf


def retuned(arena: Arena, old: Plan, plan: Plan, slots: Int64s) -> Arena:
    """The same profiles under `plan`."""
    heads = blank_heads(plan, len(arena.heads))
    heads[:, :HEAD_WORDS] = arena.heads[:, :HEAD_WORDS]
    arena = arena._replace(
        heads=heads,
        heads_f=heads.view(np.float64),
        edges=np.full((len(heads), plan.extremes), END, dtype=np.int64),
        backs=np.full((len(heads), plan.extremes), np.inf),
        suffixes=np.zeros((len(arena.pages) if plan.extremes else 0, PAGE * plan.extremes)),
    )
    if old.columns != plan.columns:
        arena = _with_columns(arena, old, plan)
    kernel.rebuild_all(arena, plan.arrays, slots, True)
    return arena


def _with_columns(arena: Arena, old: Plan, plan: Plan) -> Arena:
    pages = np.zeros((len(arena.pages), PAGE_WORDS + PAGE * plan.row_words), dtype=np.int64)
    pages[:, :PAGE_WORDS] = arena.pages[:, :PAGE_WORDS]
    rows = arena.pages[:, PAGE_WORDS:].reshape(len(pages), PAGE, old.row_words)
    pages[:, PAGE_WORDS:] = mapped_rows(rows, old.columns, plan).reshape(len(pages), -1)
    arena = arena._replace(pages=pages, pages_f=pages.view(np.float64))
    arena = with_room(arena, 0, 0, logged=len(pages))
    free = np.zeros(len(pages), dtype=bool)
    free[arena.free_pages[: arena.counters[FREE_PAGES]]] = True
    for page in np.flatnonzero(~free & (pages[:, NEXT] >= 0)).tolist():
        _mark_sealed(arena, int(pages[page, OWNER]), [page])
    return arena
