"""The kernel: takes in events of many profiles, one after the other, without Python in between."""

import math

from features.kernel.dedup import answer_known, is_newest, known_event
from features.kernel.eviction import evict_old
from features.kernel.id_filter import FEW_ROWS, let_filter_go, prefetch_line
from features.kernel.ingest import ingest_event, write_row
from features.kernel.inputs import Arrivals, answers_of, arrivals_of, row_key
from features.kernel.labels import add_note, apply_labels
from features.kernel.out_of_order import amend, answer_known_again, insert_late
from features.kernel.rebuild import clear, rebuild
from features.kernel.retracted import answer_retracted, retraction_of
from features.layout.address_table import put
from features.layout.kernel_context import ARRAYS, plan_of, slab_of
from features.layout.layout import (
    ADD,
    END,
    FILL,
    HEAD_WORDS,
    LAST,
    NEWEST,
    NOTE_VISIBLE,
    ORPHANS,
    PAGE_BITS,
    PAGE_WORDS,
    ROWS,
    TOO_LATE,
    WAITING,
    ProfileSlab,
)
from features.layout.plan_arrays import IS_USER, KEEP, LATENESS, STRIDE, PlanArrays
from features.windows.pages import append_place, place_before, word_of
from foundation.borrowing import entry, inner
from foundation.compiled import prefetch
from foundation.number_arrays import Float64s, Int64s

AGAIN = -1
"""Flags of an event that `settle` has prepared and leaves to `observe`."""
_LINE_WORDS = 8
_HEAD_AHEAD, _PAGE_AHEAD, _ROW_AHEAD = 12, 8, 4


@entry
def bring(
    context: Int64s,
    slots: Int64s,
    times_ms: Int64s,
    orders: Int64s,
    id_keys: Int64s,
    body_keys: Int64s,
    user_keys: Int64s,
    ops: Int64s,
    values: Float64s,
    out: Float64s,
    flags: Int64s,
    rows: Int64s,
    outcomes: Int64s,
) -> None:
    """Puts the addresses of events and of their answers into the context; the caller keeps the arrays alive."""
    put(context, ARRAYS, slots)
    put(context, ARRAYS + 1, times_ms)
    put(context, ARRAYS + 2, orders)
    put(context, ARRAYS + 3, id_keys)
    put(context, ARRAYS + 4, body_keys)
    put(context, ARRAYS + 5, user_keys)
    put(context, ARRAYS + 6, ops)
    put(context, ARRAYS + 7, values)
    put(context, ARRAYS + 8, out)
    put(context, ARRAYS + 9, flags)
    put(context, ARRAYS + 10, rows)
    put(context, ARRAYS + 11, outcomes)


@entry
def observe(context: Int64s, start: int) -> int:
    """Takes in events from `start` on while they come in order; returns the index of the first that does not, or n.

    The others are left to `settle`, which is compiled apart: compiled together the two would take minutes.
    """
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    stride = plan.numbers[STRIDE]
    is_user = plan.numbers[IS_USER] != 0
    for i in range(start, len(arrivals.slots)):
        prefetch_ahead(slab, plan, arrivals, i, stride, is_user)
        slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
        if arrivals.ops[i] != ADD or has_due_labels(slab, slot, time_ms):
            return i
        known = known_event(slab, plan, slot, time_ms, row_key(arrivals, i), arrivals.id_keys[i], stride, is_user)
        if known == END and slab.heads[slot, ORPHANS] >= 0 and retraction_of(context, i) != END:
            return i
        if known != END and is_user:
            answer_known(slab, arrivals, answers, i, known, stride)
        elif known == END and is_newest(slab, slot, time_ms, arrivals.orders[i], stride):
            last = place_before(slab, slot, END)
            place = append_place(slab, slot)
            write_row(slab, plan, arrivals, i, place, is_user)
            ingest_event(slab, plan, arrivals, answers, i, place, last, stride)
            evict_old(slab, plan, slot, time_ms - plan.numbers[KEEP], stride)
        elif known == END and is_user and time_ms < slab.heads[slot, NEWEST] - plan.numbers[LATENESS]:
            answers.flags[i] = TOO_LATE
            answers.out[i, :] = math.nan
        else:
            return i
    return len(arrivals.slots)


@inner
def has_due_labels(slab: ProfileSlab, slot: int, time_ms: int) -> bool:
    """Tells whether labels wait that an event at `time_ms` may see."""
    waiting = slab.heads[slot, WAITING]
    return bool(waiting >= 0 and slab.notes[waiting, NOTE_VISIBLE] <= max(time_ms, slab.heads[slot, NEWEST]))


@entry
def settle(context: Int64s, i: int) -> bool:
    """Prepares event i for `observe`, or takes it in where it belongs: labels first, then a correction or an earlier position.

    Returns False, with nothing done, if the tables of values have no room. If the event is then one for `observe`, its flags are -1.
    """
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    stride = plan.numbers[STRIDE]
    is_user = plan.numbers[IS_USER] != 0
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    if has_due_labels(slab, slot, time_ms):
        apply_labels(context, slot, max(time_ms, slab.heads[slot, NEWEST]), stride)
        if arrivals.ops[i] == ADD:
            answers.flags[i] = AGAIN
            return True
    if arrivals.ops[i] != ADD:
        return amend(context, i, stride)
    known = known_event(slab, plan, slot, time_ms, row_key(arrivals, i), arrivals.id_keys[i], stride, is_user)
    if known != END:
        return answer_known_again(context, i, known, stride)
    note = retraction_of(context, i) if slab.heads[slot, ORPHANS] >= 0 else END
    if note != END:
        answer_retracted(context, i, note)
        return True
    return insert_late(context, i, stride, is_user)


@inner
def prefetch_ahead(slab: ProfileSlab, plan: PlanArrays, arrivals: Arrivals, i: int, stride: int, is_user: bool) -> None:
    """Prefetches what the events after i will read.

    Among many keys the kernel would spend most of its time waiting for memory. For the furthest event it fetches the head; for a nearer
    one, whose head has arrived by now, the open page and the rows at the tails; for the nearest one the row that it will be written to,
    and what its id is looked up in.
    """
    slots = arrivals.slots
    if i + _HEAD_AHEAD < len(slots):
        for word in range(0, slab.heads.shape[1], _LINE_WORDS):
            prefetch(slab.heads, slots[i + _HEAD_AHEAD], word)
    if i + _PAGE_AHEAD < len(slots):
        slot = slots[i + _PAGE_AHEAD]
        page = slab.heads[slot, LAST]
        if is_user and slab.heads[slot, ROWS] > FEW_ROWS:
            prefetch(slab.filters, slot, 0)
        if page >= 0:
            prefetch(slab.pages, page, 0)
            for cursor in range(len(plan.offsets)):
                place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
                if place >= 0:
                    prefetch(slab.pages, place >> PAGE_BITS, word_of(place, stride))
    if i + _ROW_AHEAD < len(slots):
        page = slab.heads[slots[i + _ROW_AHEAD], LAST]
        if page >= 0:
            prefetch(slab.pages, page, PAGE_WORDS + slab.pages[page, FILL] * stride)
        if is_user:
            prefetch_line(slab, arrivals, i + _ROW_AHEAD)


@entry
def note_labels(context: Int64s, slots: Int64s, event_ms: Int64s, row_keys: Int64s, labels: Int64s, visible_ms: Int64s) -> None:
    """Adds waiting labels to their profiles; `row_keys` and `labels` are cells of notes, see `layout`."""
    slab = slab_of(context)
    for i in range(len(slots)):
        add_note(slab, slots[i], event_ms[i], row_keys[i], labels[i], visible_ms[i])


@entry
def rebuild_all(context: Int64s, slots: Int64s, sums: bool) -> None:
    """Rebuilds the windows of each slot from retained history; without `sums` only those that are not saved."""
    slab, plan = slab_of(context), plan_of(context)
    for i in range(len(slots)):
        rebuild(slab, plan, slots[i], plan.numbers[STRIDE], sums)


@entry
def clear_all(context: Int64s, slots: Int64s) -> None:
    """Removes the values of each slot from the tables that all slots share, and its filter of ids."""
    slab = slab_of(context)
    for i in range(len(slots)):
        clear(context, slots[i])
        let_filter_go(slab, slots[i])
