"""Handles events that do not come in order: late ones, known ones of an entity, corrections and retractions."""

import math

from features.kernel.capacity import has_room
from features.kernel.dedup import body_word, is_body
from features.kernel.id_filter import let_filter_go
from features.kernel.ingest import ingest_event, write_row, write_values
from features.kernel.inputs import answers_of, arrivals_of, row_key
from features.kernel.labels import nearest_page
from features.kernel.retracted import answer_retracted, note_retraction, reference_of, retraction_of
from features.kernel.rewind import replay, rewind
from features.kernel.too_far_back import is_far_back, skip_event
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import (
    BODY,
    CORRECT,
    CORRECTED,
    DROPPED_MS,
    DUPLICATE,
    END,
    LABEL,
    LATE,
    ORPHANS,
    OUTCOME,
    PAGE_BITS,
    RETRACT,
    RETRACTED,
    TOO_OFTEN,
    UNKNOWN,
    ProfileSlab,
)
from features.layout.plan_arrays import IS_USER
from features.windows.pages import find_event, insert_place, mark_changed, place_after, place_before, remove_row, word_of
from features.windows.row_label import CORRECTIONS_MAX, corrections_of, with_correction
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s


@outer
def ingest_as_of(context: Int64s, i: int, place: int, stride: int) -> None:
    """Takes in an event with others after it: windows were rewound to before it, and replay the others afterwards."""
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot = arrivals.slots[i]
    ingest_event(slab, plan, arrivals, answers, i, place, place_before(slab, slot, place), stride)
    replay(context, slot, place, stride)


@outer
def insert_late(context: Int64s, i: int, stride: int, is_user: bool) -> bool:
    """Takes in event i before others, as if it had come in order. Returns False, with nothing done, if the tables have no room."""
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    place_is_gone = is_user and time_ms <= slab.heads[slot, DROPPED_MS]
    if place_is_gone or is_far_back(slab, plan, slot, time_ms, stride):
        skip_event(context, i, 1.0)
        return True
    before = place_after(slab, slot, time_ms, arrivals.orders[i], stride)
    if not has_room(slab, plan, slot, before, stride):
        return False
    answers.flags[i] = LATE
    rewind(context, slot, before, stride)
    place = insert_place(slab, slot, before, stride, len(plan.offsets) + len(plan.marks), answers.rows, i)
    write_row(slab, plan, arrivals, i, place, is_user)
    ingest_as_of(context, i, place, stride)
    return True


@outer
def answer_known_again(context: Int64s, i: int, place: int, stride: int) -> bool:
    """Writes the outputs of an entity's known event at `place` again, unless it is too far back."""
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    answers.flags[i] = DUPLICATE
    if is_far_back(slab, plan, arrivals.slots[i], arrivals.times_ms[i], stride):
        skip_event(context, i, 0.0)
        return True
    return answer_again(context, i, place, stride)


@outer
def answer_again(context: Int64s, i: int, place: int, stride: int) -> bool:
    """Writes the outputs of the retained event at `place` as of its position. Returns False if the tables have no room."""
    slab, plan, arrivals = slab_of(context), plan_of(context), arrivals_of(context)
    slot = arrivals.slots[i]
    if not has_room(slab, plan, slot, place, stride):
        return False
    rewind(context, slot, place, stride)
    if arrivals.ops[i] == CORRECT:
        write_values(slab, plan, arrivals, i, place)
        mark_changed(slab, slot, place >> PAGE_BITS)
    ingest_as_of(context, i, place, stride)
    return True


@outer
def amend(context: Int64s, i: int, stride: int) -> bool:
    """Corrects or retracts the retained event that event i names. Returns False, with nothing done, if the tables have no room.

    A refusal comes before anything changes.
    """
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    page = nearest_page(slab, plan, slot, time_ms)
    place = find_event(slab, page, time_ms, row_key(arrivals, i), arrivals.id_keys[i], stride)
    if place == END:
        if arrivals.ops[i] == RETRACT and slab.heads[slot, ORPHANS] >= 0:
            note = retraction_of(context, i)
            if note != END:
                answer_retracted(context, i, note)
                return True
        answers.flags[i] = UNKNOWN
        answers.out[i, :] = math.nan
        return True
    page, word = place >> PAGE_BITS, word_of(place, stride)
    is_user = plan.numbers[IS_USER] != 0
    if is_user:
        answers.outcomes[i] = slab.pages[page, word + OUTCOME]
    if arrivals.ops[i] == CORRECT:
        if is_user and is_body(slab.pages[page, word + BODY], arrivals.body_keys[i]):
            answers.flags[i] = DUPLICATE
            answers.rows[i] = place
            answers.out[i, :] = math.nan
            count_correction(slab, slot, page, word)
            return True
        if corrections_of(slab.pages[page, word + LABEL]) == CORRECTIONS_MAX:
            answers.flags[i] = TOO_OFTEN
            answers.out[i, :] = math.nan
            return True
    if is_far_back(slab, plan, slot, time_ms, stride):
        skip_event(context, i, 1.0)
        return True
    return correct(context, i, place, stride) if arrivals.ops[i] == CORRECT else retract(context, i, place, stride)


@inner
def count_correction(slab: ProfileSlab, slot: int, page: int, word: int) -> None:
    """Counts a correction. All profiles of an event count alike, repeats included, so that all of them refuse the same one."""
    slab.pages[page, word + LABEL] = with_correction(slab.pages[page, word + LABEL])
    mark_changed(slab, slot, page)


@outer
def correct(context: Int64s, i: int, place: int, stride: int) -> bool:
    """Replaces the contents of the row at `place` by event i."""
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    page, word = place >> PAGE_BITS, word_of(place, stride)
    if not answer_again(context, i, place, stride):
        return False
    answers.flags[i] |= CORRECTED
    count_correction(slab, arrivals.slots[i], page, word)
    if plan.numbers[IS_USER] != 0:
        slab.pages[page, word + BODY] = body_word(arrivals.body_keys[i], slab.pages[page, word + BODY])
    return True


@outer
def retract(context: Int64s, i: int, place: int, stride: int) -> bool:
    """Removes the row at `place` from windows and history; its note stays."""
    slab, plan, arrivals, answers = slab_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot = arrivals.slots[i]
    if not has_room(slab, plan, slot, place, stride):
        return False
    last = place_before(slab, slot, place)
    note = note_retraction(slab, plan, slot, place >> PAGE_BITS, word_of(place, stride))
    rewind(context, slot, place, stride)
    remove_row(slab, slot, place, stride, len(plan.offsets) + len(plan.marks), answers.rows, i)
    let_filter_go(slab, slot)
    replay(context, slot, last, stride)
    answers.rows[i] = reference_of(note)
    answers.flags[i] = RETRACTED
    answers.out[i, :] = math.nan
    return True
