"""Makes, grows and empties the flat arrays of a profile slab (`ProfileSlab`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.kernel.room import SEALED_MORE
from features.layout.layout import (
    COUNTERS,
    DROPPED,
    DROPPED_MS,
    END,
    FILTER,
    FILTER_WORDS,
    FREE_LINES,
    FREE_NOTES,
    FREE_PAGES,
    HEAD_WORDS,
    HEARD,
    LINE_WORDS,
    LINES,
    LINES_LACKED,
    LONG_AGO,
    NEEDED,
    NEVER,
    NEWEST,
    NEXT_SEQ,
    NOTE_WORDS,
    PAGE,
    PAGE_WORDS,
    ROWS,
    SEALED,
    SIZE_BITS,
    UNKNOWN_MS,
    ProfileSlab,
)
from features.plan.plan import Plan
from features.profiles.memory import grown, roomy
from features.windows.ranks import NODE_WORDS, empty_ranks, with_room_for_ranks
from features.windows.value_table import empty_counts, with_room_for

_SLOTS_LEAST, _LINES_LEAST = 64, 1_024
_SLOTS_AT_ONCE = 1_024
"""So many slots are made at a time once there are as many, or an eighth of all where that is more."""
_COUNT_BYTES, _RANK_BYTES = 40, 8 * (NODE_WORDS + 1)
"""Bytes of a counted value, in a table at most 60 % full, and of a ranked value."""


def empty_slab(plan: Plan, slots: int = _SLOTS_LEAST, pages: int = _SLOTS_LEAST) -> ProfileSlab:
    """Makes a slab with room for that many slots and pages, all free."""
    heads = roomy(slots, plan.head_words)
    heads[:] = blank_heads(plan, slots)
    rows = roomy(pages, PAGE_WORDS + PAGE * plan.row_words)
    counters = np.zeros(COUNTERS, dtype=np.int64)
    counters[FREE_PAGES] = pages
    counters[FREE_NOTES] = _SLOTS_LEAST
    return ProfileSlab(
        heads=heads,
        heads_f=heads.view(np.float64),
        pages=rows,
        pages_f=rows.view(np.float64),
        edges=np.full((slots, plan.extremes), END, dtype=np.int64),
        backs=np.full((slots, plan.extremes), np.inf),
        suffixes=np.zeros((pages, PAGE * plan.extremes)),
        roots=np.full((slots, plan.ranked), END, dtype=np.int64),
        counts=empty_counts(),
        ranks=empty_ranks(),
        free_pages=np.arange(pages - 1, -1, -1, dtype=np.int64),
        free_notes=np.arange(_SLOTS_LEAST - 1, -1, -1, dtype=np.int64),
        notes=np.zeros((_SLOTS_LEAST, NOTE_WORDS), dtype=np.int64),
        filters=np.zeros((slots, FILTER_WORDS), dtype=np.int64),
        filter_lines=roomy(_LINES_LEAST, LINE_WORDS),
        free_filters=np.full(1 << SIZE_BITS, END, dtype=np.int64),
        sealed=np.zeros((_SLOTS_LEAST, 2), dtype=np.int64),
        dropped=np.zeros((2 * pages, 3), dtype=np.int64),
        counters=counters,
        context=np.zeros(0, dtype=np.int64),
    )


def blank_heads(plan: Plan, slots: int) -> NDArray[np.int64]:
    """Returns heads [slots, head cells] of entities that were never seen."""
    heads = np.full((slots, plan.head_words), END, dtype=np.int64)
    heads[:, [NEWEST, HEARD, DROPPED_MS, UNKNOWN_MS]] = LONG_AGO
    heads[:, ROWS] = 0
    heads[:, NEXT_SEQ] = 0
    first = HEAD_WORDS + 2 * plan.cursors
    heads[:, HEAD_WORDS + 1 : first : 2] = NEVER
    heads[:, first : first + len(plan.columns)] = LONG_AGO
    heads[:, first + len(plan.columns) :] = 0
    return heads


def with_slots(slab: ProfileSlab, plan: Plan, slots: int) -> ProfileSlab:
    """Returns the slab with room for at least `slots` slots.

    Of many slots it makes an eighth more at a time: blank heads are written where others stand behind which there is room, so that events
    wait for what is new, 6 µs a slot.
    """
    have = len(slab.heads)
    if slots <= have:
        return slab
    more = max(slots - have, min(have, _SLOTS_AT_ONCE), have // 8)
    heads = grown(slab.heads, have + more)
    heads[have:] = blank_heads(plan, more)
    return slab._replace(
        heads=heads,
        heads_f=heads.view(np.float64),
        edges=_longer(slab.edges, have + more, END),
        backs=_longer(slab.backs, have + more, np.inf),
        roots=_longer(slab.roots, have + more, END),
        filters=_longer(slab.filters, have + more, 0),
    )


def with_room(slab: ProfileSlab, pages: int, notes: int, logged: int = 0) -> ProfileSlab:
    """Returns the slab with at least that many free pages and notes, and log entries for as many events or `logged` pages."""
    if slab.counters[FREE_PAGES] < pages:
        slab = _with_pages(slab, pages)
    if slab.counters[FREE_NOTES] < notes:
        slab = _with_notes(slab, notes)
    needed = int(slab.counters[SEALED]) + len(slab.pages) + logged + SEALED_MORE
    if len(slab.sealed) < needed:
        slab = slab._replace(sealed=_longer(slab.sealed, 2 * needed, 0))
    return slab


def with_values(slab: ProfileSlab, plan: Plan, rows: int) -> ProfileSlab:
    """Returns the slab with room for the values of at least `rows` rows, and for what the kernel asked for.

    It is the same object if there is room already: a table of addresses is made anew for each slab that is another.
    """
    if not plan.counted and not plan.ranked:
        return slab
    entries = max(entries_of(plan, rows), int(slab.counters[NEEDED]))
    slab.counters[NEEDED] = 0
    counts, ranks = with_room_for(slab.counts, entries), with_room_for_ranks(slab.ranks, entries)
    return slab if counts is slab.counts and ranks is slab.ranks else slab._replace(counts=counts, ranks=ranks)


def entries_of(plan: Plan, rows: int) -> int:
    """Returns for how many values of `rows` rows tables need room at most."""
    return 2 * rows * max(plan.counted, plan.ranked)


def with_lines(slab: ProfileSlab) -> ProfileSlab:
    """Returns the slab with room for the filter that lacked it; the same object if none did."""
    lacked = int(slab.counters[LINES_LACKED])
    if not lacked:
        return slab
    slab.counters[LINES_LACKED] = 0
    lines = max(2 * len(slab.filter_lines), int(slab.counters[LINES]) + lacked)
    return slab._replace(filter_lines=grown(slab.filter_lines, lines))


def _with_pages(slab: ProfileSlab, pages: int) -> ProfileSlab:
    have = len(slab.pages)
    total = max(2 * have, have + pages)
    rows = grown(slab.pages, total)
    free = int(slab.counters[FREE_PAGES])
    stack = np.empty(total, dtype=np.int64)
    # The oldest pages stand last, so that they are used first.
    stack[: total - have] = np.arange(total - 1, have - 1, -1)
    stack[total - have : total - have + free] = slab.free_pages[:free]
    slab.counters[FREE_PAGES] = free + total - have
    return slab._replace(
        pages=rows,
        pages_f=rows.view(np.float64),
        suffixes=_longer(slab.suffixes, total, 0),
        free_pages=stack,
        dropped=_longer(slab.dropped, 2 * total, 0),
    )


def _with_notes(slab: ProfileSlab, notes: int) -> ProfileSlab:
    have = len(slab.notes)
    total = max(2 * have, have + notes)
    free = int(slab.counters[FREE_NOTES])
    stack = np.empty(total, dtype=np.int64)
    stack[: total - have] = np.arange(total - 1, have - 1, -1)
    stack[total - have : total - have + free] = slab.free_notes[:free]
    slab.counters[FREE_NOTES] = free + total - have
    return slab._replace(notes=_longer(slab.notes, total, 0), free_notes=stack)


def slot_bytes(slab: ProfileSlab) -> int:
    """Returns the bytes of one slot without its pages."""
    return 8 * int(slab.heads.shape[1] + slab.edges.shape[1] + slab.backs.shape[1] + slab.roots.shape[1] + FILTER_WORDS)


def filter_bytes(slab: ProfileSlab, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the bytes of the filter of ids of each slot."""
    held = slab.filters[slots, FILTER]
    lines: NDArray[np.int64] = np.where(held, 1 << (held & (1 << SIZE_BITS) - 1), 0)
    return 8 * LINE_WORDS * lines


def page_bytes(slab: ProfileSlab) -> int:
    """Returns the bytes of one page."""
    return 8 * int(slab.pages.shape[1] + slab.suffixes.shape[1])


def bytes_in_use(slab: ProfileSlab, slots: int) -> int:
    """Returns the bytes of `slots` slots and of all pages, waiting labels, filters and values in use."""
    pages = len(slab.pages) - int(slab.counters[FREE_PAGES])
    notes = len(slab.notes) - int(slab.counters[FREE_NOTES])
    values = _COUNT_BYTES * int(slab.counts.used[0]) + _RANK_BYTES * (len(slab.ranks.keys) - int(slab.ranks.free[1]))
    lines = int(slab.counters[LINES]) - int(slab.counters[FREE_LINES])
    return slots * slot_bytes(slab) + pages * page_bytes(slab) + 8 * (notes * NOTE_WORDS + lines * LINE_WORDS) + values


def recycle(slab: ProfileSlab) -> NDArray[np.int64]:
    """Puts dropped pages back on the stack of free ones; returns their (slot, seq, page) as [n, 3]."""
    count = int(slab.counters[DROPPED])
    gone = slab.dropped[:count].copy()
    freed = gone[gone[:, 2] >= 0, 2]
    free = int(slab.counters[FREE_PAGES])
    slab.free_pages[free : free + len(freed)] = freed
    slab.counters[FREE_PAGES] = free + len(freed)
    slab.counters[DROPPED] = 0
    return gone


def _longer(array: NDArray[Any], length: int, fill: float) -> NDArray[Any]:
    shape = (length, *array.shape[1:])
    longer = np.full(shape, fill, dtype=array.dtype) if fill else np.zeros(shape, dtype=array.dtype)
    longer[: len(array)] = array
    return longer
