"""Events that do not come in order: late ones, known ones of an entity, corrections, retractions."""

import math

from features.arrivals import answers_of, arrivals_of
from features.batch import Int64s
from features.compiled import outer
from features.history import find_event, insert_place, mark_changed, place_after, place_before, remove_row, word_of
from features.kernel_context import arena_of, plan_of
from features.known import body_word, is_body
from features.labels import nearest_page
from features.layout import BODY, CORRECT, CORRECTED, DUPLICATE, END, LATE, OUTCOME, PAGE_BITS, RETRACTED, UNKNOWN
from features.plan import IS_USER
from features.retreat import replay, retreat
from features.room import has_room
from features.taking import give_and_take, write_row, write_values


@outer
def give_and_take_as_of(context: Int64s, i: int, place: int, stride: int) -> None:
    """As `give_and_take`, for an event with others behind it: windows were turned back to before it, and move on again."""
    arena, plan, arrivals, answers = arena_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot = arrivals.slots[i]
    give_and_take(arena, plan, arrivals, answers, i, place, place_before(arena, slot, place), stride)
    replay(context, slot, place, stride)


@outer
def insert_late(context: Int64s, i: int, stride: int, is_user: bool) -> bool:
    """Event i belongs before others: as if it had come in order. False, with nothing done, where the tables have no room."""
    arena, plan, arrivals, answers = arena_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot = arrivals.slots[i]
    before = place_after(arena, slot, arrivals.times_ms[i], arrivals.orders[i], stride)
    if not has_room(arena, plan, slot, before, stride):
        return False
    answers.flags[i] = LATE
    retreat(context, slot, before, stride)
    place = insert_place(arena, slot, before, stride, len(plan.offsets) + len(plan.marks), answers.rows, i)
    write_row(arena, plan, arrivals, i, place, is_user)
    give_and_take_as_of(context, i, place, stride)
    return True


@outer
def answer_again(context: Int64s, i: int, place: int, stride: int) -> bool:
    """The outputs of the retained event at `place`, as of its own place in the order. False where the tables have no room."""
    arena, plan, arrivals = arena_of(context), plan_of(context), arrivals_of(context)
    slot = arrivals.slots[i]
    if not has_room(arena, plan, slot, place, stride):
        return False
    retreat(context, slot, place, stride)
    if arrivals.ops[i] == CORRECT:
        write_values(arena, plan, arrivals, i, place)
        mark_changed(arena, slot, place >> PAGE_BITS)
    give_and_take_as_of(context, i, place, stride)
    return True


@outer
def amend(context: Int64s, i: int, stride: int) -> bool:
    """Corrects or retracts the retained event that event i names. False, with nothing done, where the tables have no room."""
    arena, plan, arrivals, answers = arena_of(context), plan_of(context), arrivals_of(context), answers_of(context)
    slot, time_ms = arrivals.slots[i], arrivals.times_ms[i]
    is_user = plan.numbers[IS_USER] != 0
    place = find_event(arena, nearest_page(arena, plan, slot, time_ms), time_ms, arrivals.id_keys[i], stride)
    if place == END:
        answers.flags[i] = UNKNOWN
        answers.out[i, :] = math.nan
        return True
    page, word = place >> PAGE_BITS, word_of(place, stride)
    if is_user:
        answers.outcomes[i] = arena.pages[page, word + OUTCOME]
    if arrivals.ops[i] == CORRECT:
        if is_user and is_body(arena.pages[page, word + BODY], arrivals.body_keys[i]):
            answers.flags[i] = DUPLICATE
            answers.rows[i] = place
            answers.out[i, :] = math.nan
            return True
        if not answer_again(arena.context, i, place, stride):
            return False
        answers.flags[i] |= CORRECTED
        if is_user:
            arena.pages[page, word + BODY] = body_word(arrivals.body_keys[i], arena.pages[page, word + BODY])
        return True
    if not has_room(arena, plan, slot, place, stride):
        return False
    last = place_before(arena, slot, place)
    retreat(arena.context, slot, place, stride)
    remove_row(arena, slot, place, stride, len(plan.offsets) + len(plan.marks), answers.rows, i)
    replay(arena.context, slot, last, stride)
    answers.flags[i] = RETRACTED
    answers.out[i, :] = math.nan
    return True
