"""Absences at the end of sequences: finds the keys that wait for one, and tells those that have come true."""

import numpy as np

from features.profiles.sparse_entries import SparseArrays, drop_entry, find_entry, set_lapse
from foundation.borrowing import inner
from foundation.compiled import entry
from foundation.number_arrays import Int64s
from patterns.sequences.batches import Room
from patterns.sequences.records import Now
from patterns.sequences.tables import EACH, NONE, RECORD, SECTION, WAIT, WITHIN, Tables


@inner
def is_over(now: Now, at: int, rule: int) -> bool:
    """Tells whether the words of a key and rule hold a wait whose deadline is over."""
    wait = now.rules[rule, WAIT]
    return bool(wait >= 0 and now.words[at + wait] != NONE and now.time > now.words[at + wait])


@inner
def tell_absence(sparse: SparseArrays, now: Now, at: int, rule: int, room: Room, slot: int, dues: int) -> int:
    """Takes out the absence that waits in the words of a key and rule, and what else has begun there unless each match counts."""
    wait = at + now.rules[rule, WAIT]
    room.due_slots[dues], room.due_rules[dues] = slot, rule
    start = 0 if dues == 0 else room.due_starts[dues]
    for word in range(1 + now.rules[rule, RECORD]):
        room.due_words[start + word] = now.words[wait + word]
    room.due_starts[dues] = start
    room.due_starts[dues + 1] = start + 1 + now.rules[rule, RECORD]
    if now.rules[rule, EACH]:
        now.words[wait] = NONE
        set_lapse(sparse, at, now.time + now.rules[rule, WITHIN])
    else:
        drop_entry(sparse, at)
    return 1


@inner
def find_wait(sparse: SparseArrays, tables: Tables, slot: int, rule: int) -> int:
    """Returns where the words of a key and rule begin that hold a wait; -1 where the key waits for nothing by this rule."""
    wait = tables.rules[rule, WAIT]
    at = find_entry(sparse, slot, tables.rules[rule, SECTION]) if wait >= 0 else -1
    return int(at) if at >= 0 and sparse.words[at + wait] != NONE else -1


@entry
def come_true(sparse: SparseArrays, tables: Tables, room: Room, slots: Int64s, now_ms: int) -> int:
    """Takes out the trailing absences of `slots` whose deadlines lie before `now_ms`. Returns how many there were."""
    dues = 0
    floats = sparse.words.view(np.float64)
    now = Now(sparse.words, floats, tables.rules, tables.steps, tables.captured, np.empty((0, 0)), 0, now_ms, 0, 0)
    for slot in slots:
        for rule in range(len(tables.rules)):
            at = find_wait(sparse, tables, slot, rule)
            if at >= 0 and is_over(now, at, rule):
                dues += tell_absence(sparse, now, at, rule, room, slot, dues)
    return dues


@entry
def first_deadlines(sparse: SparseArrays, tables: Tables, slots: Int64s, out: Int64s) -> None:
    """Writes the earliest deadline of each slot's trailing absences; `NONE` where none waits."""
    for i in range(len(slots)):
        out[i] = NONE
        for rule in range(len(tables.rules)):
            at = find_wait(sparse, tables, slots[i], rule)
            if at >= 0:
                deadline = sparse.words[at + tables.rules[rule, WAIT]]
                out[i] = deadline if out[i] == NONE else min(out[i], deadline)
