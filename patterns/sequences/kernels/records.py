"""Reads and writes the records of partial matches, see `patterns.sequences.plan.tables`."""

from typing import NamedTuple

from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.plan.tables import (
    AGGREGATE_WORDS,
    AGGREGATES,
    CAP,
    CAPTURED,
    CAPTURES,
    FIRST,
    FIRST_VALUE,
    FLAGS,
    LAST_VALUE,
    LIST,
    MAX,
    MIN,
    MOST,
    NONE,
    PRESENT,
    RECORD_WORDS,
    REPEATED,
    ROW,
    SEEN,
    START,
    SUM,
    UNBOUNDED,
)


class Now(NamedTuple):
    """Holds the event that is being looked at, and everything that a step reads.

    Args:
        words, floats: all entries, as whole numbers and as floats.
        rules, steps, captured: see `Tables`.
        values: [events, columns].
        row: of the event.
        seen: how many events of the key came before; only strict sequences ask.
    """

    words: Int64s
    floats: Float64s
    rules: Int64s
    steps: Int64s
    captured: Int64s
    values: Float64s
    row: int
    time: int
    id: int
    seen: int


@inner
def newest(now: Now, step: int, record: int) -> int:
    """Returns where a record holds the newest event that a step took: its time, then its id."""
    return int(record + now.steps[step, LIST] + now.steps[step, REPEATED])


@inner
def taken(now: Now, step: int, record: int) -> int:
    """Returns how many events a step took."""
    word = now.words[record + now.steps[step, LIST]]
    if now.steps[step, REPEATED]:
        return int(word)
    return 1 if word != NONE else 0


@inner
def write_row(now: Now, step: int, at: int) -> None:
    """Writes the event as a row of a list, with what is captured of it where rows hold that."""
    now.words[at] = now.time
    now.words[at + 1] = now.id
    for capture in range(now.steps[step, ROW] - 2):
        now.floats[at + 2 + capture] = now.values[now.row, now.captured[now.steps[step, CAPTURED] + capture]]


@inner
def add_value(now: Now, at: int, value: float, is_first: bool) -> None:
    """Adds a value to the aggregates at a word."""
    if is_first:
        for word in range(AGGREGATE_WORDS):
            now.floats[at + word] = 0.0
        now.floats[at + FIRST_VALUE] = value
    now.floats[at + LAST_VALUE] = value
    if value == value:
        if now.floats[at + PRESENT] == 0.0:
            now.floats[at + MIN] = value
            now.floats[at + MAX] = value
        now.floats[at + PRESENT] += 1.0
        now.floats[at + SUM] += value
        now.floats[at + MIN] = min(now.floats[at + MIN], value)
        now.floats[at + MAX] = max(now.floats[at + MAX], value)


@inner
def add_event(now: Now, step: int, record: int) -> None:
    """Adds the event to the list of a repeated step."""
    at = record + now.steps[step, LIST]
    row, cap = now.steps[step, ROW], now.steps[step, CAP]
    held = now.words[at]
    for word in range(min(held, cap - 1) * row - 1, -1, -1):
        now.words[at + 1 + row + word] = now.words[at + 1 + word]
    write_row(now, step, at + 1)
    now.words[at] = min(held + 1, now.steps[step, MOST])
    if now.steps[step, AGGREGATES] >= 0:
        for capture in range(now.steps[step, CAPTURES]):
            value = now.values[now.row, now.captured[now.steps[step, CAPTURED] + capture]]
            add_value(now, record + now.steps[step, AGGREGATES] + capture * AGGREGATE_WORDS, value, held == 0)


@outer
def begin_record(now: Now, rule: int, step: int, before: int, pred: int, record: int) -> None:
    """Writes the record of a partial match to which the event is added as the first of `step`.

    Args:
        before: the partial match that goes on; it is not changed.
        pred: the step that it ends with; -1 for none.
    """
    first = now.rules[rule, FIRST]
    own = now.steps[step, LIST]
    width = now.steps[pred, RECORD_WORDS] if pred >= 0 else 0
    for word in range(min(width, own)):
        now.words[record + word] = now.words[before + word]
    for skipped in range(max(pred + 1, first), step):
        if now.steps[skipped, LIST] >= 0:
            now.words[record + now.steps[skipped, LIST]] = 0 if now.steps[skipped, REPEATED] else NONE
    if now.rules[rule, FLAGS] >= 0:
        now.words[record + now.rules[rule, FLAGS]] = 0
    if now.rules[rule, SEEN] >= 0:
        now.words[record + now.rules[rule, SEEN]] = now.seen
    if now.steps[step, REPEATED]:
        now.words[record + own] = 0
        add_event(now, step, record)
    else:
        write_row(now, step, record + own)


@inner
def is_free(now: Now, rule: int, record: int) -> bool:
    """Tells whether a cell holds no record here."""
    return bool(now.words[record + now.rules[rule, START]] == NONE)


@inner
def copy_record(now: Now, source: int, target: int, width: int) -> None:
    """Copies words."""
    for word in range(width):
        now.words[target + word] = now.words[source + word]


@inner
def mark(now: Now, rule: int, record: int, bit: int) -> None:
    """Sets a flag of a record."""
    now.words[record + now.rules[rule, FLAGS]] |= 1 << bit


@inner
def is_bounded(now: Now, step: int) -> bool:
    """Tells whether a step takes at most so many events."""
    return bool(now.steps[step, MOST] != UNBOUNDED)


@outer
def is_newer(now: Now, rule: int, one: int, its_step: int, other: int, step: int) -> bool:
    """Tells whether one partial match is better than another: it started later, or, looked at from the end, its events are newer.

    Args:
        its_step, step: with which step each ends.
    """
    start, first = now.rules[rule, START], now.rules[rule, FIRST]
    if now.words[one + start] != now.words[other + start]:
        return bool(now.words[one + start] > now.words[other + start])
    row, others = 0, 0
    while True:
        while its_step >= first and row >= _listed(now, its_step, one):
            its_step, row = its_step - 1, 0
        while step >= first and others >= _listed(now, step, other):
            step, others = step - 1, 0
        if its_step < first or step < first:
            return bool(its_step >= first)
        time = now.words[newest(now, its_step, one) + row * now.steps[its_step, ROW]]
        another = now.words[newest(now, step, other) + others * now.steps[step, ROW]]
        if time != another:
            return bool(time > another)
        row, others = row + 1, others + 1


@inner
def _listed(now: Now, step: int, record: int) -> int:
    """Returns how many events of a step a record names."""
    return min(taken(now, step, record), now.steps[step, CAP]) if now.steps[step, LIST] >= 0 else 0
