"""Lets an event take steps of a sequence in order, newest step first, so that it takes only one of them in each partial match."""

from foundation.borrowing import inner, outer
from patterns.sequences.kernels.keeping import insert, offer
from patterns.sequences.kernels.places import FOUND_MAX, Place, cell, holds
from patterns.sequences.kernels.records import Now, begin_record, copy_record, is_free, is_newer, mark, newest
from patterns.sequences.kernels.ring import clear_ring, newest_of_ring, push, run_record
from patterns.sequences.kernels.runs import extend_runs
from patterns.sequences.plan.tables import (
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
    NONE,
    OPTIONAL,
    RECORD_WORDS,
    REPEATED,
    RING,
    RING_FLAGS,
    RING_SEEN,
    SEEN,
    START,
    STRICT,
    USED_BIT,
    WITHIN,
    Tables,
)


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
        extend_runs(now, tables, place, step, is_last)
    count = find_partials(now, tables, place, step)
    for at in range(count - 1, -1, -1):
        before, pred = place.found[at, 0], place.found[at, 1]
        if repeated:
            _mark_used(now, place, step, before, pred)
        begin_record(now, rule, step, before, pred, place.whole)
        if is_last and now.steps[step, LEAST] == 1:
            offer(now, place, step, place.whole)
        if repeated or not is_last:
            insert(now, place, step, 1)
    return is_last and not is_free(now, rule, place.best)


@inner
def _mark_used(now: Now, place: Place, step: int, before: int, pred: int) -> None:
    bit = USED_BIT + step - now.rules[place.rule, FIRST]
    if before == place.run:
        now.words[place.entry + now.steps[pred, RING] + RING_FLAGS] |= 1 << bit
    else:
        mark(now, place.rule, before, bit)


@outer
def open_first(now: Now, tables: Tables, place: Place, step: int) -> bool:
    """Lets the event take the first step. Returns whether it completes a match, whose record is then at `place.best`."""
    rule = place.rule
    is_last = now.rules[rule, LAST] == 0
    if now.steps[step, RING] < 0:
        begin_record(now, rule, step, 0, -1, place.best if is_last else place.whole)
        if not is_last:
            insert(now, place, step, 1)
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
