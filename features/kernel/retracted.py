"""Remembers retracted events: their rows are gone, but a note says how to answer their repeats, for as long as history is kept.

Without a note, an event that its producer sends again would be new and count again. A note stands among the orphans of its profile, see
`features.kernel.labels`, and differs from a label by its VISIBLE below 0, which holds the bits of the outcome inverted, without the highest
one. Its LABEL is the BODY of the row.
"""

import math

from features.kernel.dedup import is_body
from features.kernel.inputs import answers_of, arrivals_of, row_key
from features.kernel.labels import put_orphan
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import (
    ADD,
    BODY,
    DUPLICATE,
    END,
    FREE_NOTES,
    ID,
    ID_REUSED,
    NEWEST,
    NOTE_ID,
    NOTE_LABEL,
    NOTE_NEXT,
    NOTE_PREV,
    NOTE_TIME,
    NOTE_VISIBLE,
    ORPHANS,
    OUTCOME,
    TIME,
    ProfileSlab,
)
from features.layout.plan_arrays import DEDUPE, IS_USER, PlanArrays
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_OUTCOME = (1 << 63) - 1
_FIRST = -2


@inner
def reference_of(note: int) -> int:
    """Returns the reference to a note, which answers hold in place of a reference to a row."""
    return _FIRST - note


@inner
def note_retraction(slab: ProfileSlab, plan: PlanArrays, slot: int, page: int, word: int) -> int:
    """Remembers the row at `word` of `page`, which is about to be removed, as retracted; returns the note."""
    slab.counters[FREE_NOTES] -= 1
    note = int(slab.free_notes[slab.counters[FREE_NOTES]])
    is_user = plan.numbers[IS_USER] != 0
    slab.notes[note, NOTE_PREV] = END
    slab.notes[note, NOTE_TIME] = slab.pages[page, word + TIME]
    slab.notes[note, NOTE_ID] = slab.pages[page, word + ID]
    slab.notes[note, NOTE_LABEL] = slab.pages[page, word + BODY] if is_user else 0
    slab.notes[note, NOTE_VISIBLE] = ~(slab.pages[page, word + OUTCOME] & _OUTCOME) if is_user else -1
    put_orphan(slab, plan, slot, note)
    return note


def note_outcomes(slab: ProfileSlab, references: Int64s, outcomes: Int64s) -> None:
    """Stores the outcome of each retraction in its note; skips references to rows, and -1."""
    retracted = references <= _FIRST
    slab.notes[_FIRST - references[retracted], NOTE_VISIBLE] = ~(outcomes[retracted] & _OUTCOME)


@outer
def retraction_of(context: Int64s, i: int) -> int:
    """Returns the note of the retracted event that event i repeats, or `END`, by the rules of `known_event` for rows.

    It reads the notes of later events, and in the profile of a user all notes within `dedupe`.
    """
    slab, plan, arrivals = slab_of(context), plan_of(context), arrivals_of(context)
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    is_user = plan.numbers[IS_USER] != 0
    oldest_ms = max(slab.heads[slot, NEWEST], time_ms) - plan.numbers[DEDUPE] if is_user else time_ms
    key, id_key = row_key(arrivals, i), arrivals.id_keys[i]
    note: int = slab.heads[slot, ORPHANS]
    while note >= 0 and slab.notes[note, NOTE_TIME] >= oldest_ms:
        is_own = slab.notes[note, NOTE_ID] == key or slab.notes[note, NOTE_ID] == id_key
        if is_own and slab.notes[note, NOTE_VISIBLE] < 0 and (is_user or slab.notes[note, NOTE_TIME] == time_ms):
            return note
        note = slab.notes[note, NOTE_NEXT]
    return END


@outer
def answer_retracted(context: Int64s, i: int, note: int) -> None:
    """Answers event i, which repeats a retracted event or its retraction; for a user it may also be another event under its id."""
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    answers.out[i, :] = math.nan
    is_user = plan.numbers[IS_USER] != 0
    if is_user and arrivals.ops[i] == ADD and not is_body(slab.notes[note, NOTE_LABEL], arrivals.body_keys[i]):
        answers.flags[i] = ID_REUSED
    else:
        answers.flags[i] = DUPLICATE
        answers.outcomes[i] = ~slab.notes[note, NOTE_VISIBLE]
