"""Events that were retracted: their rows are gone, and a note says for as long what their repeats are answered with.

Without it an event that its producer sends once more would be new, and count again. A note stands among the orphans of its profile, see
`features.kernel.labels`, and is told from a label by its VISIBLE below 0: that is what was decided with all bits turned round, without the
highest one. Its LABEL is the BODY of the row.
"""

import math

from features.kernel.dedup import is_body
from features.kernel.inputs import answers_of, arrivals_of, row_key
from features.kernel.labels import put_orphan
from features.layout.kernel_context import arena_of, plan_of
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
    Arena,
)
from features.layout.plan_arrays import DEDUPE, IS_USER, PlanArrays
from foundation.compiled import inner, outer
from foundation.number_arrays import Int64s

_OUTCOME = (1 << 63) - 1
_FIRST = -2


@inner
def reference_of(note: int) -> int:
    """How answers refer to a note where others refer to a row."""
    return _FIRST - note


@inner
def note_retraction(arena: Arena, plan: PlanArrays, slot: int, page: int, word: int) -> int:
    """Remembers the row at `word` of `page`, which is about to go, as retracted; gives the note."""
    arena.counters[FREE_NOTES] -= 1
    note = int(arena.free_notes[arena.counters[FREE_NOTES]])
    is_user = plan.numbers[IS_USER] != 0
    arena.notes[note, NOTE_PREV] = END
    arena.notes[note, NOTE_TIME] = arena.pages[page, word + TIME]
    arena.notes[note, NOTE_ID] = arena.pages[page, word + ID]
    arena.notes[note, NOTE_LABEL] = arena.pages[page, word + BODY] if is_user else 0
    arena.notes[note, NOTE_VISIBLE] = ~(arena.pages[page, word + OUTCOME] & _OUTCOME) if is_user else -1
    put_orphan(arena, plan, slot, note)
    return note


def note_outcomes(arena: Arena, references: Int64s, outcomes: Int64s) -> None:
    """Keeps what was decided of each retraction beside its note; references to rows, and of -1 to nothing, are passed over."""
    retracted = references <= _FIRST
    arena.notes[_FIRST - references[retracted], NOTE_VISIBLE] = ~(outcomes[retracted] & _OUTCOME)


@outer
def retraction_of(context: Int64s, i: int) -> int:
    """The note of the retracted event that event i repeats, or `END`: as `known_event` has it for rows.

    The cost is that of the notes of later events, and in the profile of a user of all within `dedupe`.
    """
    arena, plan, arrivals = arena_of(context), plan_of(context), arrivals_of(context)
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    is_user = plan.numbers[IS_USER] != 0
    oldest_ms = max(arena.heads[slot, NEWEST], time_ms) - plan.numbers[DEDUPE] if is_user else time_ms
    key, id_key = row_key(arrivals, i), arrivals.id_keys[i]
    note: int = arena.heads[slot, ORPHANS]
    while note >= 0 and arena.notes[note, NOTE_TIME] >= oldest_ms:
        is_own = arena.notes[note, NOTE_ID] == key or arena.notes[note, NOTE_ID] == id_key
        if is_own and arena.notes[note, NOTE_VISIBLE] < 0 and (is_user or arena.notes[note, NOTE_TIME] == time_ms):
            return note
        note = arena.notes[note, NOTE_NEXT]
    return END


@outer
def answer_retracted(context: Int64s, i: int, note: int) -> bool:
    """Event i repeats one that was retracted, or its retraction; in the profile of a user it may also be another one under its id."""
    arena, plan, arrivals, answers = arena_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    answers.out[i, :] = math.nan
    is_user = plan.numbers[IS_USER] != 0
    if is_user and arrivals.ops[i] == ADD and not is_body(arena.notes[note, NOTE_LABEL], arrivals.body_keys[i]):
        answers.flags[i] = ID_REUSED
    else:
        answers.flags[i] = DUPLICATE
        answers.outcomes[i] = ~arena.notes[note, NOTE_VISIBLE]
    return True
