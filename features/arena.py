"""Makes, grows and empties the flat arrays of an `Arena`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.layout import (
    COUNTERS,
    DROPPED,
    END,
    FREE_NOTES,
    FREE_PAGES,
    HEAD_WORDS,
    HEARD,
    NEVER,
    NEWEST,
    NEXT_SEQ,
    NOTE_WORDS,
    PAGE,
    PAGE_WORDS,
    ROWS,
    SEALED,
    Arena,
)
from features.memory import grown, roomy
from features.plan import Plan

LONG_AGO = -(1 << 62)
_SLOTS_LEAST = 64


def empty_arena(plan: Plan, slots: int = _SLOTS_LEAST, pages: int = _SLOTS_LEAST) -> Arena:
    """An arena with room for so many slots and pages, all free."""
    heads = roomy(slots, plan.head_words)
    heads[:] = blank_heads(plan, slots)
    rows = roomy(pages, PAGE_WORDS + PAGE * plan.row_words)
    counters = np.zeros(COUNTERS, dtype=np.int64)
    counters[FREE_PAGES] = pages
    counters[FREE_NOTES] = _SLOTS_LEAST
    return Arena(
        heads=heads,
        heads_f=heads.view(np.float64),
        pages=rows,
        pages_f=rows.view(np.float64),
        edges=np.full((slots, plan.extremes), END, dtype=np.int64),
        backs=np.full((slots, plan.extremes), np.inf),
        suffixes=np.zeros((pages if plan.extremes else 0, PAGE * plan.extremes)),
        free_pages=np.arange(pages - 1, -1, -1, dtype=np.int64),
        free_notes=np.arange(_SLOTS_LEAST - 1, -1, -1, dtype=np.int64),
        notes=np.zeros((_SLOTS_LEAST, NOTE_WORDS), dtype=np.int64),
        sealed=np.zeros((_SLOTS_LEAST, 2), dtype=np.int64),
        dropped=np.zeros((pages, 3), dtype=np.int64),
        counters=counters,
    )


def blank_heads(plan: Plan, slots: int) -> NDArray[np.int64]:
    """Heads of entities never seen."""
    heads = np.full((slots, plan.head_words), END, dtype=np.int64)
    heads[:, NEWEST] = LONG_AGO
    heads[:, HEARD] = LONG_AGO
    heads[:, ROWS] = 0
    heads[:, NEXT_SEQ] = 0
    cursors = len(plan.arrays.offsets)
    heads[:, HEAD_WORDS + 1 : HEAD_WORDS + 2 * cursors : 2] = NEVER
    heads[:, HEAD_WORDS + 2 * cursors :] = 0
    return heads


def with_slots(arena: Arena, plan: Plan, slots: int) -> Arena:
    """The same arena with room for at least `slots`."""
    have = len(arena.heads)
    if slots <= have:
        return arena
    more = max(slots, 2 * have) - have
    heads = grown(arena.heads, have + more)
    heads[have:] = blank_heads(plan, more)
    return arena._replace(
        heads=heads,
        heads_f=heads.view(np.float64),
        edges=_longer(arena.edges, have + more, END),
        backs=_longer(arena.backs, have + more, np.inf),
    )


def with_room(arena: Arena, pages: int, notes: int, logged: int = 0) -> Arena:
    """The same arena with at least so many free pages and notes, and log entries for as many events or `logged` pages."""
    if arena.counters[FREE_PAGES] < pages:
        arena = _with_pages(arena, pages)
    if arena.counters[FREE_NOTES] < notes:
        arena = _with_notes(arena, notes)
    needed = int(arena.counters[SEALED]) + 3 * pages + len(arena.notes) + logged + 8
    if len(arena.sealed) < needed:
        arena = arena._replace(sealed=_longer(arena.sealed, 2 * needed, 0))
    return arena


def _with_pages(arena: Arena, pages: int) -> Arena:
    have = len(arena.pages)
    total = max(2 * have, have + pages)
    rows = grown(arena.pages, total)
    free = int(arena.counters[FREE_PAGES])
    stack = np.empty(total, dtype=np.int64)
    # The oldest pages last, so that they are used first.
    stack[: total - have] = np.arange(total - 1, have - 1, -1)
    stack[total - have : total - have + free] = arena.free_pages[:free]
    arena.counters[FREE_PAGES] = free + total - have
    return arena._replace(
        pages=rows,
        pages_f=rows.view(np.float64),
        suffixes=_longer(arena.suffixes, total, 0) if len(arena.suffixes) else arena.suffixes,
        free_pages=stack,
        dropped=_longer(arena.dropped, total, 0),
    )


def _with_notes(arena: Arena, notes: int) -> Arena:
    have = len(arena.notes)
    total = max(2 * have, have + notes)
    free = int(arena.counters[FREE_NOTES])
    stack = np.empty(total, dtype=np.int64)
    stack[: total - have] = np.arange(total - 1, have - 1, -1)
    stack[total - have : total - have + free] = arena.free_notes[:free]
    arena.counters[FREE_NOTES] = free + total - have
    return arena._replace(notes=_longer(arena.notes, total, 0), free_notes=stack)


def recycle(arena: Arena) -> NDArray[np.int64]:
    """Puts dropped pages back on the stack of free ones; gives their (slot, seq, page)."""
    count = int(arena.counters[DROPPED])
    gone = arena.dropped[:count].copy()
    free = int(arena.counters[FREE_PAGES])
    arena.free_pages[free : free + count] = gone[:, 2]
    arena.counters[FREE_PAGES] = free + count
    arena.counters[DROPPED] = 0
    return gone


def _longer(array: NDArray[Any], length: int, fill: float) -> NDArray[Any]:
    shape = (length, *array.shape[1:])
    longer = np.full(shape, fill, dtype=array.dtype) if fill else np.zeros(shape, dtype=array.dtype)
    longer[: len(array)] = array
    return longer
