"""Lets the event of an absent step bar what would go on past it, and lets what is complete wait for the absence at the end."""

from foundation.borrowing import inner, outer
from patterns.sequences.kernels.places import Place, cell, holds
from patterns.sequences.kernels.records import Now, copy_record, is_free, mark
from patterns.sequences.kernels.ring import run_record
from patterns.sequences.plan.tables import CELLS, FIRST, GAP, KEPT, LAST, LEAST, NONE, RECORD, RING, RING_FLAGS, START, WAIT, WITHIN, Tables


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
