"""Absences at the end of sequences: finds the keys that wait for one, and tells those that have come true."""

from features.layout.address_table import floats
from features.profiles.sparse_entries import SparseArrays, drop_entry, find_entry, set_lapse
from foundation.borrowing import entry, inner
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.kernels.kernel_context import WORDS, entries_of, room_of, tables_of
from patterns.sequences.kernels.records import Now
from patterns.sequences.kernels.room import FOUND_DUES, Room
from patterns.sequences.plan.tables import EACH, NONE, RECORD, SECTION, WAIT, WITHIN, Tables


@inner
def is_over(now: Now, at: int, rule: int) -> bool:
    """Tells whether the words of a key and rule hold a wait whose deadline is over."""
    wait = now.rules[rule, WAIT]
    return bool(wait >= 0 and now.words[at + wait] != NONE and now.time > now.words[at + wait])


@inner
def tell_absence(sparse: SparseArrays, now: Now, at: int, rule: int, room: Room, slot: int) -> None:
    """Takes out the absence that waits in the words of a key and rule, and what else has begun there unless each match counts."""
    wait, dues = at + now.rules[rule, WAIT], room.found[FOUND_DUES]
    room.due_slots[dues], room.due_rules[dues] = slot, rule
    start = room.due_starts[dues]
    for word in range(1 + now.rules[rule, RECORD]):
        room.due_words[start + word] = now.words[wait + word]
    room.due_starts[dues + 1] = start + 1 + now.rules[rule, RECORD]
    room.found[FOUND_DUES] = dues + 1
    if now.rules[rule, EACH]:
        now.words[wait] = NONE
        set_lapse(sparse, at, now.time + now.rules[rule, WITHIN])
    else:
        drop_entry(sparse, at)


@inner
def find_wait(sparse: SparseArrays, tables: Tables, slot: int, rule: int) -> int:
    """Returns where the words of a key and rule begin that hold a wait; -1 where the key waits for nothing by this rule."""
    wait = tables.rules[rule, WAIT]
    at = find_entry(sparse, slot, tables.rules[rule, SECTION]) if wait >= 0 else -1
    return int(at) if at >= 0 and sparse.words[at + wait] != NONE else -1


@entry
def come_true(context: Int64s, values: Float64s, slots: Int64s, now_ms: int) -> None:
    """Takes out the trailing absences of `slots` whose deadlines lie before `now_ms`; there must be room for all of them.

    Args:
        context: see `patterns.sequences.kernels.kernel_context`.
        values: of no event.
    """
    sparse, tables, room = entries_of(context), tables_of(context), room_of(context)
    now = Now(sparse.words, floats(context, WORDS), tables.rules, tables.steps, tables.captured, values, 0, now_ms, 0, 0)
    for slot in slots:
        for rule in range(len(tables.rules)):
            at = find_wait(sparse, tables, slot, rule)
            if at >= 0 and is_over(now, at, rule):
                tell_absence(sparse, now, at, rule, room, slot)


@entry
def first_deadlines(context: Int64s, slots: Int64s, out: Int64s) -> None:
    """Writes the earliest deadline of each slot's trailing absences; `NONE` where none waits."""
    sparse, tables = entries_of(context), tables_of(context)
    for i in range(len(slots)):
        out[i] = NONE
        for rule in range(len(tables.rules)):
            at = find_wait(sparse, tables, slots[i], rule)
            if at >= 0:
                deadline = sparse.words[at + tables.rules[rule, WAIT]]
                out[i] = deadline if out[i] == NONE else min(out[i], deadline)
