"""Adds an event to the runs of a repeated step that is not the first."""

from foundation.borrowing import inner, outer
from patterns.sequences.kernels.arithmetic import LACKING, TRUE
from patterns.sequences.kernels.keeping import insert, offer
from patterns.sequences.kernels.places import Place, cell, holds
from patterns.sequences.kernels.records import Now, add_event, copy_record, is_bounded, is_free, newest, taken
from patterns.sequences.plan.tables import FLAGS, GAP, KEPT, LEAST, LIST, MOST, NONE, RECORD_WORDS, ROW, SEEN, START, STRICT, WITHIN, Tables


@outer
def extend_runs(now: Now, tables: Tables, place: Place, step: int, is_last: bool) -> None:
    """Adds the event to the runs of a repeated step, complete ones first.

    A run that cannot take it is over: what is complete of it stays, and another one is given up.
    """
    rule, start = place.rule, now.rules[place.rule, START]
    kept, least = now.rules[rule, KEPT], now.steps[step, LEAST]
    for which in range(kept - 1, -1, -1):
        record = cell(now, place, step, least, which)
        if is_free(now, rule, record):
            continue
        if _takes(now, tables, place, step, record) == TRUE:
            _add(now, place, step, record)
            if is_last:
                offer(now, place, step, record)
    for events in range(least - 1, 0, -1):
        stay = _move(now, tables, place, step, events, is_last)
        for which in range(stay, kept):
            now.words[cell(now, place, step, events, which) + start] = NONE


@inner
def _move(now: Now, tables: Tables, place: Place, step: int, events: int, is_last: bool) -> int:
    """Adds the event to the runs with so many events, which have one more then. Returns how many wait for another event."""
    words = now.steps[step, RECORD_WORDS]
    front = cell(now, place, step, events, 0)
    stay = 0
    for which in range(now.rules[place.rule, KEPT]):
        record = front + which * words
        if is_free(now, place.rule, record):
            break
        takes = _takes(now, tables, place, step, record)
        if takes == LACKING:
            if stay != which:
                copy_record(now, record, front + stay * words, words)
            stay += 1
        elif takes == TRUE:
            copy_record(now, record, place.whole, words)
            _add(now, place, step, place.whole)
            if is_last and events + 1 == now.steps[step, LEAST]:
                offer(now, place, step, place.whole)
            insert(now, place, step, events + 1)
    return stay


@inner
def _takes(now: Now, tables: Tables, place: Place, step: int, record: int) -> int:
    """Tells whether a run may take the event: `TRUE`; `LACKING`: not this one; `FALSE`: none any more."""
    rule = place.rule
    at = newest(now, step, record)
    if now.time - now.words[at] > now.steps[step, GAP] or now.time - now.words[record + now.rules[rule, START]] > now.rules[rule, WITHIN]:
        return 0
    if now.rules[rule, STRICT] and now.words[record + now.rules[rule, SEEN]] != now.seen - 1:
        return 0
    pred = _pred_of(now, place, step, record)
    if not holds(now, tables, place, step, record, pred):
        return LACKING
    count = taken(now, step, record)
    if is_bounded(now, step) and count == now.steps[step, MOST]:  # its oldest event makes room
        if now.rules[rule, STRICT]:
            return 0
        oldest = now.time if count == 1 else now.words[at + (count - 2) * now.steps[step, ROW]]
        if oldest - now.words[newest(now, pred, record)] > now.steps[step, GAP]:
            return 0
    return TRUE


@inner
def _pred_of(now: Now, place: Place, step: int, record: int) -> int:
    """Returns the step before `step` of which a record holds events."""
    pred = step - 1
    while now.steps[pred, LIST] < 0 or taken(now, pred, record) == 0:
        pred -= 1
    return pred


@inner
def _add(now: Now, place: Place, step: int, record: int) -> None:
    add_event(now, step, record)
    if now.rules[place.rule, FLAGS] >= 0:
        now.words[record + now.rules[place.rule, FLAGS]] = 0
    if now.rules[place.rule, SEEN] >= 0:
        now.words[record + now.rules[place.rule, SEEN]] = now.seen
