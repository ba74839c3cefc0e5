"""The kernel: events of many profiles, one after the other, without Python in between."""

import math

from features.batch import Float64s, Int64s
from features.compiled import borrowed, entry, inner, prefetch
from features.disorder import give_out_as_of, settle
from features.history import append_place, bit_2_of, bit_of, drop_old, insert_place, place_after, word_of
from features.labels import add_note, adopt_orphans, hear_labels
from features.layout import (
    BLOOM,
    BLOOM_2,
    BODY,
    DUPLICATE,
    END,
    FILL,
    HEAD_WORDS,
    ID,
    ID_REUSED,
    LABEL,
    LAST,
    LATE,
    NEWEST,
    NOTE_VISIBLE,
    ORDER,
    ORPHANS,
    OUTCOME,
    PAGE_BITS,
    PAGE_WORDS,
    PREV,
    SCORE,
    TIME,
    TOO_LATE,
    WAITING,
    Arena,
)
from features.plan import PlanArrays
from features.windows import advance, give_out, rebuild, take_in

IS_USER, STRIDE, FIRST_NUMBER, LATENESS, KEEP, DEDUPE = range(6)
_DEDUPE_PAGES = 16
_LINE_WORDS = 8
_HEAD_AHEAD, _PAGE_AHEAD, _ROW_AHEAD = 12, 8, 4


@entry
def observe(
    arena: Arena,
    plan: PlanArrays,
    slots: Int64s,
    times_ms: Int64s,
    orders: Int64s,
    id_keys: Int64s,
    body_keys: Int64s,
    numbers: Float64s,
    out: Float64s,
    flags: Int64s,
    rows: Int64s,
) -> None:
    """Takes in the events in turn; writes their outputs, flags and places."""
    borrowed_arena = borrow_arena(arena)
    borrowed_plan = borrow_plan(plan)
    take_in_order(
        borrowed_arena,
        borrowed_plan,
        borrowed(slots),
        borrowed(times_ms),
        borrowed(orders),
        borrowed(id_keys),
        borrowed(body_keys),
        borrowed(numbers),
        borrowed(out),
        borrowed(flags),
        borrowed(rows),
    )


@inner
def take_in_order(
    arena: Arena,
    plan: PlanArrays,
    slots: Int64s,
    times_ms: Int64s,
    orders: Int64s,
    id_keys: Int64s,
    body_keys: Int64s,
    numbers: Float64s,
    out: Float64s,
    flags: Int64s,
    rows: Int64s,
) -> None:
    """The loop of `observe`, over arrays without reference counts."""
    stride = plan.numbers[STRIDE]
    is_user = plan.numbers[IS_USER] != 0
    for i in range(len(slots)):
        fetch_ahead(arena, plan, slots, i, stride)
        slot = slots[i]
        time_ms = times_ms[i]
        waiting = arena.heads[slot, WAITING]
        now_ms = max(time_ms, arena.heads[slot, NEWEST])
        if waiting >= 0 and arena.notes[waiting, NOTE_VISIBLE] <= now_ms:
            hear_labels(arena, plan, slot, now_ms, stride)
        rows[i] = END
        known = known_event(arena, plan, slot, time_ms, id_keys[i], stride, is_user)
        if known != END:
            rows[i] = known
            answer_known(arena, plan, slot, known, stride, is_user, body_keys[i], out, flags, rows, i)
        elif is_newest(arena, slot, time_ms, orders[i], stride):
            advance(arena, plan, slot, time_ms, stride)
            give_out(arena, plan, slot, 1, out, i)
            rows[i] = append_place(arena, slot)
            write_row(arena, plan, rows[i], time_ms, orders[i], id_keys[i], body_keys[i], numbers, i, is_user)
            if arena.heads[slot, ORPHANS] >= 0:
                adopt_orphans(arena, plan, slot, rows[i], time_ms, id_keys[i], stride)
            take_in(arena, plan, slot, rows[i], time_ms, stride)
            give_out(arena, plan, slot, 0, out, i)
            drop_old(arena, slot, time_ms - plan.numbers[KEEP], stride)
        elif is_user and time_ms < arena.heads[slot, NEWEST] - plan.numbers[LATENESS]:
            flags[i] = TOO_LATE
            out[i, :] = math.nan
        else:
            flags[i] = LATE
            before = place_after(arena, slot, time_ms, orders[i], stride)
            rows[i] = insert_place(arena, slot, before, stride, len(plan.offsets), rows, i)
            write_row(arena, plan, rows[i], time_ms, orders[i], id_keys[i], body_keys[i], numbers, i, is_user)
            if arena.heads[slot, ORPHANS] >= 0:
                adopt_orphans(arena, plan, slot, rows[i], time_ms, id_keys[i], stride)
            give_out_as_of(arena, plan, slot, rows[i], stride, False, out, i)
            settle(arena, plan, slot, rows[i], stride)


@inner
def fetch_ahead(arena: Arena, plan: PlanArrays, slots: Int64s, i: int, stride: int) -> None:
    """Asks for what the events after i will read. Among many keys the kernel would spend most of its time waiting for memory.

    Of the furthest one its head; of a nearer one, whose head has come by now, its open page and the rows at the tails; of the
    nearest one the row it will be written to.
    """
    if i + _HEAD_AHEAD < len(slots):
        for word in range(0, arena.heads.shape[1], _LINE_WORDS):
            prefetch(arena.heads, slots[i + _HEAD_AHEAD], word)
    if i + _PAGE_AHEAD < len(slots):
        slot = slots[i + _PAGE_AHEAD]
        page = arena.heads[slot, LAST]
        if page >= 0:
            prefetch(arena.pages, page, 0)
            for cursor in range(len(plan.offsets)):
                place = arena.heads[slot, HEAD_WORDS + 2 * cursor]
                if place >= 0:
                    prefetch(arena.pages, place >> PAGE_BITS, word_of(place, stride))
    if i + _ROW_AHEAD < len(slots):
        page = arena.heads[slots[i + _ROW_AHEAD], LAST]
        if page >= 0:
            prefetch(arena.pages, page, PAGE_WORDS + arena.pages[page, FILL] * stride)


@inner
def borrow_arena(arena: Arena) -> Arena:
    """The arena without reference counts."""
    return Arena(
        borrowed(arena.heads),
        borrowed(arena.heads_f),
        borrowed(arena.pages),
        borrowed(arena.pages_f),
        borrowed(arena.edges),
        borrowed(arena.backs),
        borrowed(arena.suffixes),
        borrowed(arena.free_pages),
        borrowed(arena.free_notes),
        borrowed(arena.notes),
        borrowed(arena.sealed),
        borrowed(arena.dropped),
        borrowed(arena.counters),
    )


@inner
def borrow_plan(plan: PlanArrays) -> PlanArrays:
    """The plan without reference counts."""
    return PlanArrays(
        borrowed(plan.offsets),
        borrowed(plan.passes),
        borrowed(plan.pass_ends),
        borrowed(plan.units),
        borrowed(plan.live),
        borrowed(plan.outputs),
        borrowed(plan.scales),
        borrowed(plan.sources),
        borrowed(plan.numbers),
    )


@inner
def is_newest(arena: Arena, slot: int, time_ms: int, order: int, stride: int) -> bool:
    """Whether (time_ms, order) sorts behind all that is retained, or with the last of it."""
    if time_ms != arena.heads[slot, NEWEST]:
        return bool(time_ms > arena.heads[slot, NEWEST])
    page = arena.heads[slot, LAST]
    newest_order = arena.pages[page, PAGE_WORDS + (arena.pages[page, FILL] - 1) * stride + ORDER]
    return bool(order >= newest_order)


@inner
def known_event(arena: Arena, plan: PlanArrays, slot: int, time_ms: int, id_key: int, stride: int, is_user: bool) -> int:
    """The retained event with this id: of the user within `dedupe` and the newest pages, else at this very time; or `END`."""
    if not is_user and time_ms > arena.heads[slot, NEWEST]:
        return END
    oldest = arena.heads[slot, NEWEST] - plan.numbers[DEDUPE] if is_user else time_ms
    bit = bit_of(id_key)
    bit_2 = bit_2_of(id_key)
    page: int = arena.heads[slot, LAST]
    pages = 0
    while page >= 0 and (not is_user or pages < _DEDUPE_PAGES):
        if arena.pages[page, BLOOM] & bit and arena.pages[page, BLOOM_2] & bit_2:
            for at in range(arena.pages[page, FILL] - 1, -1, -1):
                word = PAGE_WORDS + at * stride
                if arena.pages[page, word + ID] == id_key and (is_user or arena.pages[page, word + TIME] == time_ms):
                    return (page << PAGE_BITS) + at
        if arena.pages[page, PAGE_WORDS + TIME] < oldest:
            return END
        page = arena.pages[page, PREV]
        pages += 1
    return END


@inner
def answer_known(
    arena: Arena,
    plan: PlanArrays,
    slot: int,
    known: int,
    stride: int,
    is_user: bool,
    body_key: int,
    out: Float64s,
    flags: Int64s,
    rows: Int64s,
    i: int,
) -> None:
    """An id seen before: the user's is a duplicate or another event under a used id; an entity's is told as of its place."""
    if not is_user:
        flags[i] = DUPLICATE
        give_out_as_of(arena, plan, slot, known, stride, True, out, i)
        return
    out[i, :] = math.nan
    if arena.pages[known >> PAGE_BITS, word_of(known, stride) + BODY] == body_key:
        flags[i] = DUPLICATE
    else:
        flags[i] = ID_REUSED
        rows[i] = END


@inner
def write_row(
    arena: Arena,
    plan: PlanArrays,
    place: int,
    time_ms: int,
    order: int,
    id_key: int,
    body_key: int,
    numbers: Float64s,
    i: int,
    is_user: bool,
) -> None:
    """Writes event i to its row; nothing is decided about it yet."""
    page = place >> PAGE_BITS
    word = word_of(place, plan.numbers[STRIDE])
    arena.pages[page, word + TIME] = time_ms
    arena.pages[page, word + ID] = id_key
    arena.pages[page, word + ORDER] = order
    arena.pages[page, word + LABEL] = 0
    if is_user:
        arena.pages[page, word + BODY] = body_key
        arena.pages_f[page, word + SCORE] = math.nan
        arena.pages[page, word + OUTCOME] = 0
    first = word + plan.numbers[FIRST_NUMBER]
    for k in range(len(plan.sources)):
        arena.pages_f[page, first + k] = numbers[i, plan.sources[k]]
    arena.pages[page, BLOOM] |= bit_of(id_key)
    arena.pages[page, BLOOM_2] |= bit_2_of(id_key)


@entry
def note_labels(arena: Arena, slots: Int64s, event_ms: Int64s, id_keys: Int64s, labels: Int64s, visible_ms: Int64s) -> None:
    """Labels start to wait in their profiles."""
    for i in range(len(slots)):
        add_note(arena, slots[i], event_ms[i], id_keys[i], labels[i], visible_ms[i])


@entry
def rebuild_all(arena: Arena, plan: PlanArrays, slots: Int64s, sums: bool) -> None:
    """Folds the retained history of each slot anew; without `sums` only into minima and maxima, which no bytes carry."""
    for i in range(len(slots)):
        rebuild(arena, plan, slots[i], plan.numbers[STRIDE], sums)
