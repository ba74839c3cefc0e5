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
    ProfileSlab,
)
from foundation.borrowing import inner
from foundation.number_arrays import Int64s

_HALF = PAGE // 2


@inner
def word_of(place: int, stride: int) -> int:
    """Returns the first cell of the row at `place` within its page."""
    return PAGE_WORDS + (place & (PAGE - 1)) * stride


@inner
def next_place(slab: ProfileSlab, place: int) -> int:
    """Returns the row after `place`, or `END`."""
    page = place >> PAGE_BITS
    if (place & (PAGE - 1)) + 1 < slab.pages[page, FILL]:
        return place + 1
    following = slab.pages[page, NEXT]
    return END if following < 0 else following << PAGE_BITS


@inner
def place_before(slab: ProfileSlab, slot: int, place: int) -> int:
    """Returns the row before `place`, which may be `END`; `END` when there is none."""
    if place == END:
        page = slab.heads[slot, LAST]
        return END if page < 0 else (page << PAGE_BITS) + slab.pages[page, FILL] - 1
    if place & (PAGE - 1):
        return place - 1
    page = slab.pages[place >> PAGE_BITS, PREV]
    return END if page < 0 else (page << PAGE_BITS) + slab.pages[page, FILL] - 1


@inner
def bit_of(key: int) -> int:
    """Returns the bit of a row's key in BLOOM."""
    return 1 << ((key ^ (key >> 12) ^ (key >> 24)) & 63)


@inner
def bit_2_of(key: int) -> int:
    """Returns the bit of a row's key in BLOOM_2."""
    return 1 << (((key >> 6) ^ (key >> 18) ^ (key >> 30)) & 63)


@inner
def mark_changed(slab: ProfileSlab, slot: int, page: int) -> None:
    """Notes that a sealed page must be saved; the open page is saved with the head."""
    if page != slab.heads[slot, LAST] and slab.pages[page, DIRTY] == 0:
        slab.pages[page, DIRTY] = 1
        at = slab.counters[SEALED]
        slab.sealed[at, 0] = slot
        slab.sealed[at, 1] = page
        slab.counters[SEALED] = at + 1


@inner
def new_page(slab: ProfileSlab, slot: int, after: int) -> int:
    """Adds an empty page to `slot` after the page `after` (-1 adds the first of all)."""
    slab.counters[FREE_PAGES] -= 1
    page: int = slab.free_pages[slab.counters[FREE_PAGES]]
    following = slab.pages[after, NEXT] if after >= 0 else slab.heads[slot, FIRST]
    slab.pages[page, PREV] = after
    slab.pages[page, NEXT] = following
    slab.pages[page, FILL] = 0
    slab.pages[page, SEQ] = slab.heads[slot, NEXT_SEQ]
    slab.pages[page, OWNER] = slot
    slab.pages[page, DIRTY] = 0
    slab.pages[page, BLOOM] = 0
    slab.pages[page, BLOOM_2] = 0
    slab.heads[slot, NEXT_SEQ] += 1
    if after >= 0:
        slab.pages[after, NEXT] = page
    else:
        slab.heads[slot, FIRST] = page
    if following >= 0:
        slab.pages[following, PREV] = page
        mark_changed(slab, slot, page)
    else:
        slab.heads[slot, LAST] = page
        if after >= 0:
            mark_changed(slab, slot, after)
    return page


@inner
def append_place(slab: ProfileSlab, slot: int) -> int:
    """Adds a row after the newest; the caller writes its cells."""
    page: int = slab.heads[slot, LAST]
    if page < 0 or slab.pages[page, FILL] == PAGE:
        page = new_page(slab, slot, page)
    fill: int = slab.pages[page, FILL]
    slab.pages[page, FILL] = fill + 1
    slab.heads[slot, ROWS] += 1
    return (page << PAGE_BITS) + fill


@inner
def place_after(slab: ProfileSlab, slot: int, time_ms: int, order: int, stride: int) -> int:
    """Returns the first row that sorts after (time_ms, order), or `END`."""
    page = slab.heads[slot, LAST]
    result = END
    while page >= 0:
        oldest = slab.pages[page, PAGE_WORDS + TIME]
        if oldest > time_ms or (oldest == time_ms and slab.pages[page, PAGE_WORDS + ORDER] > order):
            result = page << PAGE_BITS
            page = slab.pages[page, PREV]
            continue
        for at in range(slab.pages[page, FILL] - 1, -1, -1):
            word = PAGE_WORDS + at * stride
            then = slab.pages[page, word + TIME]
            if then < time_ms or (then == time_ms and slab.pages[page, word + ORDER] <= order):
                return result
            result = (page << PAGE_BITS) + at
        page = slab.pages[page, PREV]
    return result


@inner
def find_event(slab: ProfileSlab, page: int, time_ms: int, key: int, id_key: int, stride: int) -> int:
    """Finds the row of an event by its time and key, searching both ways from `page`; returns `END` when it is not there.

    Args:
        key: key of the row, see `inputs.row_key`.
        id_key: key of rows of older versions, which the user is not part of.
    """
    place = find_row(slab, page, time_ms, key, stride)
    return find_row(slab, page, time_ms, id_key, stride) if place == END and key != id_key else place


@inner
def find_row(slab: ProfileSlab, page: int, time_ms: int, key: int, stride: int) -> int:
    """Does the same as `find_event` for one key."""
    while page >= 0 and slab.pages[page, PAGE_WORDS + TIME] >= time_ms and slab.pages[page, PREV] >= 0:
        page = slab.pages[page, PREV]
    while page >= 0 and slab.pages[page, PAGE_WORDS + TIME] <= time_ms:
        for at in range(slab.pages[page, FILL]):
            word = PAGE_WORDS + at * stride
            if slab.pages[page, word + TIME] == time_ms and slab.pages[page, word + ID] == key:
                return (page << PAGE_BITS) + at
        page = slab.pages[page, NEXT]
    return END


@inner
def move_references(slab: ProfileSlab, slot: int, cursors: int, rows: Int64s, known: int, first: int, end: int, by: int) -> None:
    """Moves by `by` all references to rows in [first, end): cursors, edges, and the first `known` ones of `rows`."""
    for cursor in range(cursors):
        at = HEAD_WORDS + 2 * cursor
        if first <= slab.heads[slot, at] < end:
            slab.heads[slot, at] += by
    for extreme in range(slab.edges.shape[1]):
        if first <= slab.edges[slot, extreme] < end:
            slab.edges[slot, extreme] += by
    for i in range(known):
        if first <= rows[i] < end:
            rows[i] += by


@inner
def split(slab: ProfileSlab, slot: int, page: int, stride: int, cursors: int, rows: Int64s, known: int) -> None:
    """Moves the younger half of a full page to a new page after it."""
    young = new_page(slab, slot, page)
    for word in range(_HALF * stride):
        slab.pages[young, PAGE_WORDS + word] = slab.pages[page, PAGE_WORDS + _HALF * stride + word]
    half = _HALF * slab.edges.shape[1]
    for word in range(half):
        slab.suffixes[young, word] = slab.suffixes[page, half + word]
    slab.pages[young, FILL] = PAGE - _HALF
    slab.pages[page, FILL] = _HALF
    slab.pages[young, BLOOM] = slab.pages[page, BLOOM]
    slab.pages[young, BLOOM_2] = slab.pages[page, BLOOM_2]
    first = (page << PAGE_BITS) + _HALF
    move_references(slab, slot, cursors, rows, known, first, first + PAGE - _HALF, (young << PAGE_BITS) - first)
    mark_changed(slab, slot, page)


@inner
def insert_place(slab: ProfileSlab, slot: int, before: int, stride: int, cursors: int, rows: Int64s, known: int) -> int:
    """Inserts a row before the row at `before`; younger rows of its page move up, with all references to them."""
    page = before >> PAGE_BITS
    at = before & (PAGE - 1)
    if slab.pages[page, FILL] == PAGE:
        split(slab, slot, page, stride, cursors, rows, known)
        if at >= _HALF:
            page = slab.pages[page, NEXT]
            at -= _HALF
    fill = slab.pages[page, FILL]
    for word in range(PAGE_WORDS + fill * stride - 1, PAGE_WORDS + at * stride - 1, -1):
        slab.pages[page, word + stride] = slab.pages[page, word]
    slab.pages[page, FILL] = fill + 1
    slab.heads[slot, ROWS] += 1
    place = (page << PAGE_BITS) + at
    move_references(slab, slot, cursors, rows, known, place, (page << PAGE_BITS) + fill, 1)
    mark_changed(slab, slot, page)
    return place


@inner
def remove_row(slab: ProfileSlab, slot: int, place: int, stride: int, cursors: int, rows: Int64s, known: int) -> int:
    """Removes a row from history; returns the row that follows it, or `END`. Drops a page that becomes empty."""
    page = place >> PAGE_BITS
    fill = slab.pages[page, FILL] - 1
    for word in range(PAGE_WORDS + (place & (PAGE - 1)) * stride, PAGE_WORDS + fill * stride):
        slab.pages[page, word] = slab.pages[page, word + stride]
    slab.pages[page, FILL] = fill
    slab.heads[slot, ROWS] -= 1
    for i in range(known):
        if rows[i] == place:
            rows[i] = END
    move_references(slab, slot, cursors, rows, known, place + 1, (page << PAGE_BITS) + fill + 1, -1)
    mark_changed(slab, slot, page)
    if fill == 0:
        following = slab.pages[page, NEXT]
        unlink(slab, slot, page)
        return END if following < 0 else following << PAGE_BITS
    if place == (page << PAGE_BITS) + fill:
        following = slab.pages[page, NEXT]
        return END if following < 0 else following << PAGE_BITS
    return place


@inner
def unlink(slab: ProfileSlab, slot: int, page: int) -> None:
    """Drops an empty page. If it was the open page, the page before becomes the open one under a new number."""
    before, following = slab.pages[page, PREV], slab.pages[page, NEXT]
    if before >= 0:
        slab.pages[before, NEXT] = following
    else:
        slab.heads[slot, FIRST] = following
    if following >= 0:
        slab.pages[following, PREV] = before
    else:
        slab.heads[slot, LAST] = before
        if before >= 0:
            note_dropped(slab, slot, before, END)
            slab.pages[before, SEQ] = slab.heads[slot, NEXT_SEQ]
            slab.pages[before, DIRTY] = 0
            slab.heads[slot, NEXT_SEQ] += 1
    note_dropped(slab, slot, page, page)


@inner
def note_dropped(slab: ProfileSlab, slot: int, page: int, freed: int) -> None:
    """Notes that the saved copy of `page` must be deleted; `freed` is the page to be reused, or END."""
    at = slab.counters[DROPPED]
    slab.dropped[at, 0] = slot
    slab.dropped[at, 1] = slab.pages[page, SEQ]
    slab.dropped[at, 2] = freed
    slab.counters[DROPPED] = at + 1
    if freed >= 0:
        slab.pages[page, DIRTY] = 0
        slab.pages[page, OWNER] = END


@inner
def drop_first(slab: ProfileSlab, slot: int, stride: int) -> None:
    """Drops the oldest page, which is not the open one."""
    page = slab.heads[slot, FIRST]
    fill = slab.pages[page, FILL]
    following = slab.pages[page, NEXT]
    slab.pages[following, PREV] = END
    slab.heads[slot, FIRST] = following
    slab.heads[slot, ROWS] -= fill
    newest_ms = slab.pages[page, PAGE_WORDS + (fill - 1) * stride + TIME]
    slab.heads[slot, DROPPED_MS] = max(slab.heads[slot, DROPPED_MS], newest_ms)
    note_dropped(slab, slot, page, page)
