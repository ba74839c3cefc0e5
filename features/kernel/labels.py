"""Keeps the labels of one profile: they wait until an event may see them, and are then written to their rows.

The head has two lists: notes that wait for their time, by `visible_ms`, and orphans, whose time came before their event, those of the
latest events first. Retractions stand among the orphans, see `features.kernel.retracted`: their events must not come any more.
A row holds one label with its time, the one that stands (`features.windows.row_label.standing_of`), whichever came first: a late event from
before that label's time sees no label, and not one that stood before.
"""

from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import (
    END,
    FREE_NOTES,
    HEAD_WORDS,
    HEARD,
    LABEL,
    LAST,
    NEWEST,
    NOTE_ID,
    NOTE_LABEL,
    NOTE_NEXT,
    NOTE_PREV,
    NOTE_TIME,
    NOTE_VISIBLE,
    ORPHANS,
    PAGE_BITS,
    WAITING,
    WAITING_LAST,
    ProfileSlab,
)
from features.layout.plan_arrays import HEAD, KEEP, KIND, TAIL, WHERE, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.pages import find_event, mark_changed, word_of
from features.windows.row_label import label_cell, label_of, standing_of, with_label
from features.windows.rows import is_before, is_counted
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_LABELS = int(UnitKind.LABELS)
NOTE_RANK_BIT = 40
_USER_KEY = (1 << 32) - 1


@inner
def add_note(slab: ProfileSlab, slot: int, event_ms: int, key: int, label: int, visible_ms: int) -> None:
    """Adds a waiting label after those that are visible no later."""
    slab.counters[FREE_NOTES] -= 1
    note = slab.free_notes[slab.counters[FREE_NOTES]]
    row = slab.notes[note]
    row[NOTE_TIME] = event_ms
    row[NOTE_ID] = key
    row[NOTE_LABEL] = label
    row[NOTE_VISIBLE] = visible_ms
    earlier = slab.heads[slot, WAITING_LAST]
    while earlier >= 0 and slab.notes[earlier, NOTE_VISIBLE] > visible_ms:
        earlier = slab.notes[earlier, NOTE_PREV]
    later = slab.heads[slot, WAITING] if earlier < 0 else slab.notes[earlier, NOTE_NEXT]
    row[NOTE_PREV] = earlier
    row[NOTE_NEXT] = later
    if earlier < 0:
        slab.heads[slot, WAITING] = note
    else:
        slab.notes[earlier, NOTE_NEXT] = note
    if later < 0:
        slab.heads[slot, WAITING_LAST] = note
    else:
        slab.notes[later, NOTE_PREV] = note


@inner
def free_note(slab: ProfileSlab, note: int) -> None:
    """Puts a note back on the stack of free ones."""
    slab.free_notes[slab.counters[FREE_NOTES]] = note
    slab.counters[FREE_NOTES] += 1


@outer
def apply_labels(context: Int64s, slot: int, time_ms: int, stride: int) -> None:
    """Applies the labels that events at `time_ms`, the newest, may see; those without their event become orphans."""
    slab, plan = slab_of(context), plan_of(context)
    note = slab.heads[slot, WAITING]
    while note >= 0 and slab.notes[note, NOTE_VISIBLE] <= time_ms:
        following = slab.notes[note, NOTE_NEXT]
        row = slab.notes[note]
        page = nearest_page(slab, plan, slot, row[NOTE_TIME])
        place = find_event(slab, page, row[NOTE_TIME], row[NOTE_ID], row[NOTE_ID] ^ (row[NOTE_LABEL] >> 1 & _USER_KEY), stride)
        if place == END:
            put_orphan(slab, plan, slot, note)
        else:
            label_row(slab, plan, slot, place, row[NOTE_LABEL], row[NOTE_VISIBLE], stride, True)
            free_note(slab, note)
        note = following
    slab.heads[slot, WAITING] = note
    if note < 0:
        slab.heads[slot, WAITING_LAST] = END
    else:
        slab.notes[note, NOTE_PREV] = END


@inner
def put_orphan(slab: ProfileSlab, plan: PlanArrays, slot: int, note: int) -> None:
    """Inserts the note among the orphans, and drops those older than retention. It reads all orphans."""
    event_ms = slab.notes[note, NOTE_TIME]
    before = END
    following = slab.heads[slot, ORPHANS]
    while following >= 0 and slab.notes[following, NOTE_TIME] > event_ms:
        before = following
        following = slab.notes[following, NOTE_NEXT]
    slab.notes[note, NOTE_NEXT] = following
    if before < 0:
        slab.heads[slot, ORPHANS] = note
    else:
        slab.notes[before, NOTE_NEXT] = note
    drop_orphans(slab.context, slot, slab.heads[slot, NEWEST] - plan.numbers[KEEP])


@outer
def drop_orphans(context: Int64s, slot: int, oldest_ms: int) -> None:
    """Drops the orphans of events at or before `oldest_ms`."""
    slab = slab_of(context)
    before = END
    note = slab.heads[slot, ORPHANS]
    while note >= 0 and slab.notes[note, NOTE_TIME] > oldest_ms:
        before = note
        note = slab.notes[note, NOTE_NEXT]
    if before < 0:
        slab.heads[slot, ORPHANS] = END
    else:
        slab.notes[before, NOTE_NEXT] = END
    while note >= 0:
        following = slab.notes[note, NOTE_NEXT]
        free_note(slab, note)
        note = following


@outer
def adopt_orphans(context: Int64s, slot: int, place: int, event_ms: int, key: int, id_key: int, stride: int) -> None:
    """Applies labels that came before the event just written at `place`.

    `key` is the key of its row; labels of older versions have `id_key`. It reads the orphans of later events.
    """
    slab, plan = slab_of(context), plan_of(context)
    before = END
    note = slab.heads[slot, ORPHANS]
    while note >= 0 and slab.notes[note, NOTE_TIME] >= event_ms:
        following = slab.notes[note, NOTE_NEXT]
        row = slab.notes[note]
        is_own = row[NOTE_TIME] == event_ms and (row[NOTE_ID] == key or row[NOTE_ID] == id_key)
        if is_own and row[NOTE_VISIBLE] >= 0:
            label_row(slab, plan, slot, place, row[NOTE_LABEL], row[NOTE_VISIBLE], stride, False)
            if before < 0:
                slab.heads[slot, ORPHANS] = following
            else:
                slab.notes[before, NOTE_NEXT] = following
            free_note(slab, note)
        else:
            before = note
        note = following


@inner
def label_row(slab: ProfileSlab, plan: PlanArrays, slot: int, place: int, noted: int, visible_ms: int, stride: int, counted: bool) -> None:
    """Writes a label, the LABEL of a note, to its row unless one there stands above it.

    If `counted`, it updates the label counts of windows that hold the row.
    """
    page = place >> PAGE_BITS
    word = word_of(place, stride) + LABEL
    old = label_of(slab.pages[page, word])
    label = noted & 1
    new = label_cell(label, visible_ms, noted >> NOTE_RANK_BIT)
    if old != 0 and standing_of(old) >= standing_of(new):
        return
    slab.pages[page, word] = with_label(slab.pages[page, word], new)
    slab.heads[slot, HEARD] = max(slab.heads[slot, HEARD], visible_ms)
    mark_changed(slab, slot, page)
    if not counted:
        return
    positive = label - (1 if old != 0 and old & 1 else 0)
    for unit in range(len(plan.units)):
        if plan.units[unit, KIND] == _LABELS and is_inside(slab, plan, slot, unit, place, stride):
            slab.heads_f[slot, plan.units[unit, WORD]] += positive
            slab.heads_f[slot, plan.units[unit, WORD] + 1] += 1 if old == 0 else 0


@inner
def is_inside(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> bool:
    """Tells whether the row is in the window of a unit, and counts there."""
    head, tail = plan.units[unit, HEAD], plan.units[unit, TAIL]
    if not is_counted(slab, place, plan.units[unit, WHERE], stride):
        return False
    if tail >= 0:
        oldest = slab.heads[slot, HEAD_WORDS + 2 * tail]
        if oldest == END or is_before(slab, place, oldest, stride):
            return False
    if head < 0:
        return True
    behind = slab.heads[slot, HEAD_WORDS + 2 * head]
    return behind == END or is_before(slab, place, behind, stride)


@inner
def nearest_page(slab: ProfileSlab, plan: PlanArrays, slot: int, time_ms: int) -> int:
    """Returns the page to search from for an event at `time_ms`: that of the nearest cursor, or the open one."""
    page: int = slab.heads[slot, LAST]
    nearest = abs(slab.heads[slot, NEWEST] - time_ms)
    for cursor in range(len(plan.offsets)):
        distance = abs(slab.heads[slot, NEWEST] - plan.offsets[cursor] - time_ms)
        place = slab.heads[slot, HEAD_WORDS + 2 * cursor]
        if place != END and distance < nearest:
            nearest = distance
            page = place >> PAGE_BITS
    return page
