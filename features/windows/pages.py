"""Keeps the retained events of a profile as a chain of pages, sorted by time and order."""

from features.layout.layout import (
    BLOOM,
    BLOOM_2,
    DIRTY,
    DROPPED,
    DROPPED_MS,
    END,
    FILL,
    FIRST,
    FREE_PAGES,
    HEAD_WORDS,
    ID,
    LAST,
    NEXT,
    NEXT_SEQ,
    ORDER,
    OWNER,
    PAGE,
    PAGE_BITS,
    PAGE_WORDS,
    PREV,
    ROWS,
    SEALED,
    SEQ,
    TIME,
    Arena,
)
from foundation.compiled import inner
from foundation.number_arrays import Int64s

_HALF = PAGE // 2


@inner
def word_of(place: int, stride: int) -> int:
    """Returns the first cell of the row at `place` within its page."""
    return PAGE_WORDS + (place & (PAGE - 1)) * stride


@inner
def next_place(arena: Arena, place: int) -> int:
    """Returns the row after `place`, or `END`."""
    page = place >> PAGE_BITS
    if (place & (PAGE - 1)) + 1 < arena.pages[page, FILL]:
        return place + 1
    following = arena.pages[page, NEXT]
    return END if following < 0 else following << PAGE_BITS


@inner
def place_before(arena: Arena, slot: int, place: int) -> int:
    """Returns the row before `place`, which may be `END`; `END` when there is none."""
    if place == END:
        page = arena.heads[slot, LAST]
        return END if page < 0 else (page << PAGE_BITS) + arena.pages[page, FILL] - 1
    if place & (PAGE - 1):
        return place - 1
    page = arena.pages[place >> PAGE_BITS, PREV]
    return END if page < 0 else (page << PAGE_BITS) + arena.pages[page, FILL] - 1


@inner
def bit_of(key: int) -> int:
    """Returns the bit of a row's key in BLOOM."""
    return 1 << ((key ^ (key >> 12) ^ (key >> 24)) & 63)


@inner
def bit_2_of(key: int) -> int:
    """Returns the bit of a row's key in BLOOM_2."""
    return 1 << (((key >> 6) ^ (key >> 18) ^ (key >> 30)) & 63)


@inner
def mark_changed(arena: Arena, slot: int, page: int) -> None:
    """Notes that a sealed page must be saved; the open page is saved with the head."""
    if page != arena.heads[slot, LAST] and arena.pages[page, DIRTY] == 0:
        arena.pages[page, DIRTY] = 1
        at = arena.counters[SEALED]
        arena.sealed[at, 0] = slot
        arena.sealed[at, 1] = page
        arena.counters[SEALED] = at + 1


@inner
def new_page(arena: Arena, slot: int, after: int) -> int:
    """Adds an empty page to `slot` after the page `after` (-1 adds the first of all)."""
    arena.counters[FREE_PAGES] -= 1
    page: int = arena.free_pages[arena.counters[FREE_PAGES]]
    following = arena.pages[after, NEXT] if after >= 0 else arena.heads[slot, FIRST]
    arena.pages[page, PREV] = after
    arena.pages[page, NEXT] = following
    arena.pages[page, FILL] = 0
    arena.pages[page, SEQ] = arena.heads[slot, NEXT_SEQ]
    arena.pages[page, OWNER] = slot
    arena.pages[page, DIRTY] = 0
    arena.pages[page, BLOOM] = 0
    arena.pages[page, BLOOM_2] = 0
    arena.heads[slot, NEXT_SEQ] += 1
    if after >= 0:
        arena.pages[after, NEXT] = page
    else:
        arena.heads[slot, FIRST] = page
    if following >= 0:
        arena.pages[following, PREV] = page
        mark_changed(arena, slot, page)
    else:
        arena.heads[slot, LAST] = page
        if after >= 0:
            mark_changed(arena, slot, after)
    return page


@inner
def append_place(arena: Arena, slot: int) -> int:
    """Adds a row after the newest; the caller writes its cells."""
    page: int = arena.heads[slot, LAST]
    if page < 0 or arena.pages[page, FILL] == PAGE:
        page = new_page(arena, slot, page)
    fill: int = arena.pages[page, FILL]
    arena.pages[page, FILL] = fill + 1
    arena.heads[slot, ROWS] += 1
    return (page << PAGE_BITS) + fill


@inner
def place_after(arena: Arena, slot: int, time_ms: int, order: int, stride: int) -> int:
    """Returns the first row that sorts after (time_ms, order), or `END`."""
    page = arena.heads[slot, LAST]
    result = END
    while page >= 0:
        oldest = arena.pages[page, PAGE_WORDS + TIME]
        if oldest > time_ms or (oldest == time_ms and arena.pages[page, PAGE_WORDS + ORDER] > order):
            result = page << PAGE_BITS
            page = arena.pages[page, PREV]
            continue
        for at in range(arena.pages[page, FILL] - 1, -1, -1):
            word = PAGE_WORDS + at * stride
            then = arena.pages[page, word + TIME]
            if then < time_ms or (then == time_ms and arena.pages[page, word + ORDER] <= order):
                return result
            result = (page << PAGE_BITS) + at
        page = arena.pages[page, PREV]
    return result


@inner
def find_event(arena: Arena, page: int, time_ms: int, key: int, id_key: int, stride: int) -> int:
    """Finds the row of an event by its time and key, searching both ways from `page`; returns `END` when it is not there.

    Args:
        key: key of the row, see `inputs.row_key`.
        id_key: key of rows of older versions, which the user is not part of.
    """
    place = find_row(arena, page, time_ms, key, stride)
    return find_row(arena, page, time_ms, id_key, stride) if place == END and key != id_key else place


@inner
def find_row(arena: Arena, page: int, time_ms: int, key: int, stride: int) -> int:
    """Does the same as `find_event` for one key."""
    while page >= 0 and arena.pages[page, PAGE_WORDS + TIME] >= time_ms and arena.pages[page, PREV] >= 0:
        page = arena.pages[page, PREV]
    while page >= 0 and arena.pages[page, PAGE_WORDS + TIME] <= time_ms:
        for at in range(arena.pages[page, FILL]):
            word = PAGE_WORDS + at * stride
            if arena.pages[page, word + TIME] == time_ms and arena.pages[page, word + ID] == key:
                return (page << PAGE_BITS) + at
        page = arena.pages[page, NEXT]
    return END


@inner
def move_references(arena: Arena, slot: int, cursors: int, rows: Int64s, known: int, first: int, end: int, by: int) -> None:
    """Moves by `by` all references to rows in [first, end): cursors, edges, and the first `known` ones of `rows`."""
    for cursor in range(cursors):
        at = HEAD_WORDS + 2 * cursor
        if first <= arena.heads[slot, at] < end:
            arena.heads[slot, at] += by
    for extreme in range(arena.edges.shape[1]):
        if first <= arena.edges[slot, extreme] < end:
            arena.edges[slot, extreme] += by
    for i in range(known):
        if first <= rows[i] < end:
            rows[i] += by


@inner
def split(arena: Arena, slot: int, page: int, stride: int, cursors: int, rows: Int64s, known: int) -> None:
    """Moves the younger half of a full page to a new page after it."""
    young = new_page(arena, slot, page)
    for word in range(_HALF * stride):
        arena.pages[young, PAGE_WORDS + word] = arena.pages[page, PAGE_WORDS + _HALF * stride + word]
    half = _HALF * arena.edges.shape[1]
    for word in range(half):
        arena.suffixes[young, word] = arena.suffixes[page, half + word]
    arena.pages[young, FILL] = PAGE - _HALF
    arena.pages[page, FILL] = _HALF
    arena.pages[young, BLOOM] = arena.pages[page, BLOOM]
    arena.pages[young, BLOOM_2] = arena.pages[page, BLOOM_2]
    first = (page << PAGE_BITS) + _HALF
    move_references(arena, slot, cursors, rows, known, first, first + PAGE - _HALF, (young << PAGE_BITS) - first)
    mark_changed(arena, slot, page)


@inner
def insert_place(arena: Arena, slot: int, before: int, stride: int, cursors: int, rows: Int64s, known: int) -> int:
    """Inserts a row before the row at `before`; younger rows of its page move up, with all references to them."""
    page = before >> PAGE_BITS
    at = before & (PAGE - 1)
    if arena.pages[page, FILL] == PAGE:
        split(arena, slot, page, stride, cursors, rows, known)
        if at >= _HALF:
            page = arena.pages[page, NEXT]
            at -= _HALF
    fill = arena.pages[page, FILL]
    for word in range(PAGE_WORDS + fill * stride - 1, PAGE_WORDS + at * stride - 1, -1):
        arena.pages[page, word + stride] = arena.pages[page, word]
    arena.pages[page, FILL] = fill + 1
    arena.heads[slot, ROWS] += 1
    place = (page << PAGE_BITS) + at
    move_references(arena, slot, cursors, rows, known, place, (page << PAGE_BITS) + fill, 1)
    mark_changed(arena, slot, page)
    return place


@inner
def remove_row(arena: Arena, slot: int, place: int, stride: int, cursors: int, rows: Int64s, known: int) -> int:
    """Removes a row from history; returns the row that follows it, or `END`. Drops a page that becomes empty."""
    page = place >> PAGE_BITS
    fill = arena.pages[page, FILL] - 1
    for word in range(PAGE_WORDS + (place & (PAGE - 1)) * stride, PAGE_WORDS + fill * stride):
        arena.pages[page, word] = arena.pages[page, word + stride]
    arena.pages[page, FILL] = fill
    arena.heads[slot, ROWS] -= 1
    for i in range(known):
        if rows[i] == place:
            rows[i] = END
    move_references(arena, slot, cursors, rows, known, place + 1, (page << PAGE_BITS) + fill + 1, -1)
    mark_changed(arena, slot, page)
    if fill == 0:
        following = arena.pages[page, NEXT]
        unlink(arena, slot, page)
        return END if following < 0 else following << PAGE_BITS
    if place == (page << PAGE_BITS) + fill:
        following = arena.pages[page, NEXT]
        return END if following < 0 else following << PAGE_BITS
    return place


@inner
def unlink(arena: Arena, slot: int, page: int) -> None:
    """Drops an empty page. If it was the open page, the page before becomes the open one under a new number."""
    before, following = arena.pages[page, PREV], arena.pages[page, NEXT]
    if before >= 0:
        arena.pages[before, NEXT] = following
    else:
        arena.heads[slot, FIRST] = following
    if following >= 0:
        arena.pages[following, PREV] = before
    else:
        arena.heads[slot, LAST] = before
        if before >= 0:
            note_dropped(arena, slot, before, END)
            arena.pages[before, SEQ] = arena.heads[slot, NEXT_SEQ]
            arena.pages[before, DIRTY] = 0
            arena.heads[slot, NEXT_SEQ] += 1
    note_dropped(arena, slot, page, page)


@inner
def note_dropped(arena: Arena, slot: int, page: int, freed: int) -> None:
    """Notes that the saved copy of `page` must be deleted; `freed` is the page to be reused, or END."""
    at = arena.counters[DROPPED]
    arena.dropped[at, 0] = slot
    arena.dropped[at, 1] = arena.pages[page, SEQ]
    arena.dropped[at, 2] = freed
    arena.counters[DROPPED] = at + 1
    if freed >= 0:
        arena.pages[page, DIRTY] = 0
        arena.pages[page, OWNER] = END


@inner
def drop_first(arena: Arena, slot: int, stride: int) -> None:
    """Drops the oldest page, which is not the open one."""
    page = arena.heads[slot, FIRST]
    fill = arena.pages[page, FILL]
    following = arena.pages[page, NEXT]
    arena.pages[following, PREV] = END
    arena.heads[slot, FIRST] = following
    arena.heads[slot, ROWS] -= fill
    newest_ms = arena.pages[page, PAGE_WORDS + (fill - 1) * stride + TIME]
    arena.heads[slot, DROPPED_MS] = max(arena.heads[slot, DROPPED_MS], newest_ms)
    note_dropped(arena, slot, page, page)
