"""Lets an event take steps of a sequence in order, newest step first, so that it takes only one of them in each partial match."""

from typing import NamedTuple

from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.arithmetic import LACKING, TRUE, ask
from patterns.sequences.records import (
    Now,
    add_event,
    begin_record,
    copy_record,
    is_bounded,
    is_free,
    is_newer,
    mark,
    newest,
    taken,
)
from patterns.sequences.ring import clear_ring, newest_of_ring, push, run_record
from patterns.sequences.tables import (
    ABSENT,
    CELLS,
    DROPPED,
    FIRST,
    FLAGS,
    GAP,
    KEPT,
    KIND,
    LAST,
    LEAST,
    LIST,
    MOST,
    NONE,
    OPTIONAL,
    PROGRAM,
    RECORD,
    RECORD_WORDS,
    REPEATED,
    RING,
    RING_FLAGS,
    RING_SEEN,
    ROW,
    SEEN,
    SKIPPED,
    START,
    STRICT,
    USED_BIT,
    WAIT,
    WITHIN,
    Tables,
)

FOUND_MAX = 128


class Place(NamedTuple):
    """Where a step of a rule works.

    Args:
        entry: the words of the key and rule.
        run, whole, best: room for a record each: of the run of the first step, of one that is being made, and of the best that is complete.
        stack: for `ask`.
        found: [FOUND_MAX, 2] room for partial matches that an event may follow: where each is, and the step that it ends with.
        counts: [COUNTS] of the rule.
    """

    rule: int
    entry: int
    run: int
    whole: int
    best: int
    stack: Float64s
    found: Int64s
    counts: Int64s


@inner
def cell(now: Now, place: Place, step: int, events: int, which: int) -> int:
    """Returns where the record `which` of a step's partial matches with so many events is; with the least number it is complete."""
    kept, words = now.rules[place.rule, KEPT], now.steps[step, RECORD_WORDS]
    return int(place.entry + now.steps[step, CELLS] + ((events - 1) * kept + which) * words)


@outer
def clear_entry(now: Now, tables: Tables, place: Place) -> None:
    """Empties what a key has of a rule."""
    rule = place.rule
    first = now.rules[rule, FIRST]
    for step in range(first, first + now.rules[rule, LAST] + 1):
        if now.steps[step, RING] >= 0:
            clear_ring(now, step, place.entry)
        if now.steps[step, CELLS] >= 0:
            cells = 1 if now.steps[step, RING] >= 0 else now.steps[step, LEAST]
            for events in range(1, cells + 1):
                for which in range(now.rules[rule, KEPT]):
                    now.words[cell(now, place, step, events, which) + now.rules[rule, START]] = NONE
    if now.rules[rule, WAIT] >= 0:
        now.words[place.entry + now.rules[rule, WAIT]] = NONE


@inner
def holds(now: Now, tables: Tables, place: Place, step: int, record: int, pred: int) -> bool:
    """Tells whether what a step's condition asks of earlier steps holds for a partial match that ends with `pred`."""
    program = now.steps[step, PROGRAM]
    if program < 0:
        return True
    answer = ask(now, tables, place.rule, step, program, record, pred, place.stack)
    if answer == LACKING:
        place.counts[SKIPPED] += 1
    return answer == TRUE


@inner
def reaches(now: Now, tables: Tables, place: Place, step: int, record: int, pred: int) -> bool:
    """Tells whether the event may follow a partial match, that ends with `pred`, as the first event of `step`."""
    rule = place.rule
    if now.time - now.words[newest(now, pred, record)] > now.steps[step, GAP]:
        return False
    if now.time - now.words[record + now.rules[rule, START]] > now.rules[rule, WITHIN]:
        return False
    if now.rules[rule, STRICT] and now.words[record + now.rules[rule, SEEN]] != now.seen - 1:
        return False
    if now.rules[rule, FLAGS] >= 0:
        flags = now.words[record + now.rules[rule, FLAGS]]
        between = ((1 << (step - pred - 1)) - 1) << (pred + 1 - now.rules[rule, FIRST])
        if flags & between:
            return False
        if now.steps[step, REPEATED] and (flags >> (USED_BIT + step - now.rules[rule, FIRST])) & 1:
            return False
    return holds(now, tables, place, step, record, pred)


@outer
def find_partials(now: Now, tables: Tables, place: Place, step: int) -> int:
    """Writes into `place.found` the partial matches that the event may follow as the first event of `step`; returns how many.

    The nearest step stands first, and of one step the newest partial match. Where a rule keeps one, it is the one that started last.
    """
    first, kept = now.rules[place.rule, FIRST], now.rules[place.rule, KEPT]
    count = 0
    pred = step - 1
    while pred >= first:
        if now.steps[pred, KIND] == ABSENT:
            pred -= 1
            continue
        if now.steps[pred, RING] >= 0 and run_record(now, place.rule, pred, place.entry, now.time, place.run, place.counts):
            count = _note(now, tables, place, step, place.run, pred, count)
        if now.steps[pred, CELLS] >= 0:
            events = 1 if now.steps[pred, RING] >= 0 else now.steps[pred, LEAST]
            for which in range(kept):
                record = cell(now, place, pred, events, which)
                if is_free(now, place.rule, record):
                    break
                count = _note(now, tables, place, step, record, pred, count)
        if not now.steps[pred, OPTIONAL]:
            break
        pred -= 1
    return count


@inner
def _note(now: Now, tables: Tables, place: Place, step: int, record: int, pred: int, count: int) -> int:
    if not reaches(now, tables, place, step, record, pred):
        return count
    if now.rules[place.rule, KEPT] == 1 and count == 1:
        if not is_newer(now, place.rule, record, pred, place.found[0, 0], place.found[0, 1]):
            return count
        count = 0
    if count == FOUND_MAX:
        place.counts[DROPPED] += 1
        return count
    place.found[count, 0] = record
    place.found[count, 1] = pred
    return count + 1


@outer
def take_step(now: Now, tables: Tables, place: Place, step: int) -> bool:
    """Lets the event take a step that is not the first. Returns whether it completes a match, whose record is then at `place.best`."""
    rule = place.rule
    repeated = now.steps[step, REPEATED] != 0
    is_last = step == now.rules[rule, FIRST] + now.rules[rule, LAST]
    if is_last:
        now.words[place.best + now.rules[rule, START]] = NONE
    if repeated:
        _extend(now, tables, place, step, is_last)
    count = find_partials(now, tables, place, step)
    for at in range(count - 1, -1, -1):
        before, pred = place.found[at, 0], place.found[at, 1]
        if repeated:
            _mark_used(now, place, step, before, pred)
        begin_record(now, rule, step, before, pred, place.whole)
        if is_last and now.steps[step, LEAST] == 1:
            _offer(now, place, step, place.whole)
        if repeated or not is_last:
            _insert(now, place, step, 1)
    return is_last and not is_free(now, rule, place.best)


@inner
def _offer(now: Now, place: Place, step: int, record: int) -> None:
    """Takes over a complete record if it is the best so far; of equal ones the last, because the newest is offered last."""
    if is_free(now, place.rule, place.best) or not is_newer(now, place.rule, place.best, step, record, step):
        copy_record(now, record, place.best, now.steps[step, RECORD_WORDS])


@inner
def _mark_used(now: Now, place: Place, step: int, before: int, pred: int) -> None:
    bit = USED_BIT + step - now.rules[place.rule, FIRST]
    if before == place.run:
        now.words[place.entry + now.steps[pred, RING] + RING_FLAGS] |= 1 << bit
    else:
        mark(now, place.rule, before, bit)


@outer
def _insert(now: Now, place: Place, step: int, events: int) -> None:
    """Puts the record at `place.whole` before the others with so many events; where one is kept, the better one stays."""
    rule = place.rule
    kept, words, start = now.rules[rule, KEPT], now.steps[step, RECORD_WORDS], now.rules[rule, START]
    front = cell(now, place, step, events, 0)
    last = front + (kept - 1) * words
    if kept == 1:
        if not is_free(now, rule, front) and is_newer(now, rule, front, step, place.whole, step):
            return
    else:
        if not is_free(now, rule, last) and now.time - now.words[last + start] <= now.rules[rule, WITHIN]:
            place.counts[DROPPED] += 1
        for word in range((kept - 1) * words - 1, -1, -1):
            now.words[front + words + word] = now.words[front + word]
    copy_record(now, place.whole, front, words)


@outer
def _extend(now: Now, tables: Tables, place: Place, step: int, is_last: bool) -> None:
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
                _offer(now, place, step, record)
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
                _offer(now, place, step, place.whole)
            _insert(now, place, step, events + 1)
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


@outer
def open_first(now: Now, tables: Tables, place: Place, step: int) -> bool:
    """Lets the event take the first step. Returns whether it completes a match, whose record is then at `place.best`."""
    rule = place.rule
    is_last = now.rules[rule, LAST] == 0
    if now.steps[step, RING] < 0:
        begin_record(now, rule, step, 0, -1, place.best if is_last else place.whole)
        if not is_last:
            _insert(now, place, step, 1)
        return bool(is_last)
    _break_run(now, place, step)
    push(now, rule, step, place.entry)
    if now.steps[step, CELLS] < 0 and not is_last:
        return False
    complete = run_record(now, rule, step, place.entry, now.time, place.run, place.counts)
    if complete and now.steps[step, CELLS] >= 0:
        now.words[cell(now, place, step, 1, 0) + now.rules[rule, START]] = NONE
    if complete and is_last:
        copy_record(now, place.run, place.best, now.steps[step, RECORD_WORDS])
    return complete and is_last


@inner
def _break_run(now: Now, place: Place, step: int) -> None:
    """Ends the run of the first step where the event comes too late for it; what is complete of it is kept."""
    last = newest_of_ring(now, step, place.entry)
    ring = place.entry + now.steps[step, RING]
    far = last != NONE and now.time - last > now.steps[step, GAP]
    apart = last != NONE and now.rules[place.rule, STRICT] != 0 and now.words[ring + RING_SEEN] != now.seen - 1
    if far or apart:
        if now.steps[step, CELLS] >= 0 and run_record(now, place.rule, step, place.entry, last, place.run, place.counts):
            copy_record(now, place.run, cell(now, place, step, 1, 0), now.steps[step, RECORD_WORDS])
        clear_ring(now, step, place.entry)


@outer
def come_between(now: Now, tables: Tables, place: Place, step: int) -> None:
    """Marks the partial matches that the event of an absent step bars from going on past it."""
    rule = place.rule
    first, kept = now.rules[rule, FIRST], now.rules[rule, KEPT]
    if step > first + now.rules[rule, LAST]:
        wait = place.entry + now.rules[rule, WAIT]
        if now.words[wait] != NONE and holds(now, tables, place, step, wait + 1, first + now.rules[rule, LAST]):
            now.words[wait] = NONE
        return
    bit = step - first
    for pred in range(first, step):
        runs = now.steps[pred, RING] >= 0 and run_record(now, rule, pred, place.entry, now.time, place.run, place.counts)
        if runs and holds(now, tables, place, step, place.run, pred):
            now.words[place.entry + now.steps[pred, RING] + RING_FLAGS] |= 1 << bit
        if now.steps[pred, CELLS] >= 0:
            events = 1 if now.steps[pred, RING] >= 0 else now.steps[pred, LEAST]
            for which in range(kept):
                record = cell(now, place, pred, events, which)
                if is_free(now, rule, record):
                    break
                if holds(now, tables, place, step, record, pred):
                    mark(now, rule, record, bit)


@inner
def wait_for_absence(now: Now, place: Place, record: int) -> None:
    """Lets a completed record wait for the deadline of the absence at the end, unless one waits already."""
    rule = place.rule
    wait = place.entry + now.rules[rule, WAIT]
    if now.words[wait] != NONE:
        return
    absent = now.rules[rule, FIRST] + now.rules[rule, LAST] + 1
    deadline = now.words[record + now.rules[rule, START]] + now.rules[rule, WITHIN]
    now.words[wait] = min(deadline, now.time + now.steps[absent, GAP])
    copy_record(now, record, wait + 1, now.rules[rule, RECORD])
