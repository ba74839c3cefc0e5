"""Lets an event take steps of a sequence whose steps come in any order."""

from foundation.borrowing import inner, outer
from patterns.sequences.kernels.places import Place
from patterns.sequences.kernels.records import Now, copy_record
from patterns.sequences.plan.tables import CAP, FIRST, KIND, LEAST, LIST, MOST, OPEN, OPTIONAL, PLAIN, RECORD, STEPS, STRICT, WITHIN


@outer
def clear_lists(now: Now, place: Place) -> None:
    """Empties what a key has of a rule."""
    first = now.rules[place.rule, FIRST]
    for step in range(first, first + now.rules[place.rule, STEPS]):
        if now.steps[step, KIND] == PLAIN:
            now.words[place.entry + now.steps[step, LIST]] = 0


@inner
def forget_apart(now: Now, place: Place) -> None:
    """Empties a strict rule's lists where an event of the key took no step since its last one."""
    open_at = place.entry + now.rules[place.rule, OPEN]
    if now.rules[place.rule, STRICT]:
        if now.words[open_at] != now.seen - 1:
            clear_lists(now, place)
        now.words[open_at] = now.seen


@outer
def note_event(now: Now, place: Place, step: int) -> None:
    """Adds the event to the list of a step."""
    at = place.entry + now.steps[step, LIST]
    held, cap = now.words[at], now.steps[step, CAP]
    for word in range(min(held, cap - 1) * 2 - 1, -1, -1):
        now.words[at + 3 + word] = now.words[at + 1 + word]
    now.words[at + 1], now.words[at + 2] = now.time, now.id
    now.words[at] = min(held + 1, cap)


@outer
def is_complete(now: Now, place: Place) -> bool:
    """Tells whether every step has its events; the record of the match is then at `place.best`."""
    first = now.rules[place.rule, FIRST]
    since = now.time - now.rules[place.rule, WITHIN]
    for step in range(first, first + now.rules[place.rule, STEPS]):
        if now.steps[step, KIND] == PLAIN and not now.steps[step, OPTIONAL]:
            at, least = place.entry + now.steps[step, LIST], now.steps[step, LEAST]
            if now.words[at] < least or now.words[at + 1 + 2 * (least - 1)] < since:
                return False
    copy_record(now, place.entry, place.best, now.rules[place.rule, RECORD])
    for step in range(first, first + now.rules[place.rule, STEPS]):
        if now.steps[step, KIND] == PLAIN:
            at = place.best + now.steps[step, LIST]
            near = min(now.words[at], now.steps[step, MOST])
            while near > 0 and now.words[at + 1 + 2 * (near - 1)] < since:
                near -= 1
            now.words[at] = near if near >= now.steps[step, LEAST] else 0
    return True
