"""Keeps the newest events of a first step that is repeated, in a ring, and makes a record of those that count as of an event.

The events of the ring follow each other without a gap that is too long: a run. Aggregates stand for the whole run since a time, so that a
run which began within the time of the sequence is counted exactly, however long it is.
"""

from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s
from patterns.sequences.kernels.records import Now, add_value
from patterns.sequences.plan.tables import (
    AGGREGATE_WORDS,
    AGGREGATES,
    CAP,
    CAPTURED,
    CAPTURES,
    CUT,
    FLAGS,
    LEAST,
    LIST,
    MOST,
    NONE,
    RING,
    RING_FLAGS,
    RING_HELD,
    RING_LOST,
    RING_NEXT,
    RING_OWN,
    RING_ROW,
    RING_SEEN,
    RING_SINCE,
    RING_SIZE,
    RING_TOTAL,
    ROW,
    SEEN,
    START,
    WITHIN,
)


@inner
def clear_ring(now: Now, step: int, entry: int) -> None:
    """Begins another run."""
    ring = entry + now.steps[step, RING]
    for word in range(RING_OWN):
        now.words[ring + word] = 0
    now.words[ring + RING_LOST] = NONE


@inner
def ring_row(now: Now, step: int, ring: int, back: int) -> int:
    """Returns where the event stands that came so many events before the newest."""
    size = now.steps[step, RING_SIZE]
    at = now.words[ring + RING_NEXT] - 1 - back
    if at < 0:
        at += size
    aggregates = now.steps[step, CAPTURES] * AGGREGATE_WORDS
    return int(ring + RING_OWN + aggregates + at * now.steps[step, RING_ROW])


@outer
def push(now: Now, rule: int, step: int, entry: int) -> None:
    """Adds the event to the run."""
    ring = entry + now.steps[step, RING]
    size, captures = now.steps[step, RING_SIZE], now.steps[step, CAPTURES]
    held = now.words[ring + RING_HELD]
    if held == size:
        now.words[ring + RING_LOST] = now.words[ring_row(now, step, ring, size - 1)]
    else:
        now.words[ring + RING_HELD] = held + 1
    after = now.words[ring + RING_NEXT] + 1
    now.words[ring + RING_NEXT] = after if after < size + 1 else 1
    row = ring_row(now, step, ring, 0)
    now.words[row], now.words[row + 1] = now.time, now.id
    total = now.words[ring + RING_TOTAL]
    if total == 0:
        now.words[ring + RING_SINCE] = now.time
    now.words[ring + RING_TOTAL] = total + 1
    for capture in range(captures):
        value = now.values[now.row, now.captured[now.steps[step, CAPTURED] + capture]]
        now.floats[row + 2 + capture] = value
        add_value(now, ring + RING_OWN + capture * AGGREGATE_WORDS, value, total == 0)
    now.words[ring + RING_FLAGS] = 0
    now.words[ring + RING_SEEN] = now.seen
    since = now.time - now.rules[rule, WITHIN]
    if now.words[ring + RING_SINCE] < since and now.words[ring + RING_LOST] < since:
        _count_anew(now, step, ring, since)


@inner
def _count_anew(now: Now, step: int, ring: int, since: int) -> None:
    """Counts the run from the first event on that is not older than `since`; all these stand in the ring."""
    back = now.words[ring + RING_HELD] - 1
    while now.words[ring_row(now, step, ring, back)] < since:
        back -= 1
    now.words[ring + RING_SINCE] = now.words[ring_row(now, step, ring, back)]
    now.words[ring + RING_TOTAL] = back + 1
    for capture in range(now.steps[step, CAPTURES]):
        at = ring + RING_OWN + capture * AGGREGATE_WORDS
        for each in range(back, -1, -1):
            add_value(now, at, now.floats[ring_row(now, step, ring, each) + 2 + capture], each == back)


@outer
def run_record(now: Now, rule: int, step: int, entry: int, time: int, record: int, counts: Int64s) -> bool:
    """Writes the record of the run as of `time`: its events of the time of the sequence before, as many as the step may take.

    Returns False where they are fewer than the step needs.
    """
    ring = entry + now.steps[step, RING]
    held, least, most = now.words[ring + RING_HELD], now.steps[step, LEAST], now.steps[step, MOST]
    since = time - now.rules[rule, WITHIN]
    if held < least or now.words[ring_row(now, step, ring, least - 1)] < since:
        return False
    now.words[record + now.rules[rule, START]] = now.words[ring_row(now, step, ring, least - 1)]
    if now.rules[rule, FLAGS] >= 0:
        now.words[record + now.rules[rule, FLAGS]] = now.words[ring + RING_FLAGS]
    if now.rules[rule, SEEN] >= 0:
        now.words[record + now.rules[rule, SEEN]] = now.words[ring + RING_SEEN]
    near = min(held, most)
    while now.words[ring_row(now, step, ring, near - 1)] < since:
        near -= 1
    total, whole = now.words[ring + RING_TOTAL], now.words[ring + RING_SINCE] >= since
    listed = record + now.steps[step, LIST]
    exact = whole and total <= most
    now.words[listed] = total if exact else near
    if not exact and near == held and near < most and now.words[ring + RING_LOST] >= since:
        counts[CUT] += 1
    row = now.steps[step, ROW]
    for back in range(min(near, now.steps[step, CAP])):
        source = ring_row(now, step, ring, back)
        now.words[listed + 1 + back * row] = now.words[source]
        now.words[listed + 2 + back * row] = now.words[source + 1]
    for capture in range(now.steps[step, CAPTURES]):
        target = record + now.steps[step, AGGREGATES] + capture * AGGREGATE_WORDS
        if exact:
            for word in range(AGGREGATE_WORDS):
                now.floats[target + word] = now.floats[ring + RING_OWN + capture * AGGREGATE_WORDS + word]
        else:
            for back in range(near - 1, -1, -1):
                add_value(now, target, now.floats[ring_row(now, step, ring, back) + 2 + capture], back == near - 1)
    return True


@inner
def newest_of_ring(now: Now, step: int, entry: int) -> int:
    """Returns the time of the newest event of the run; `NONE` where there is none."""
    ring = entry + now.steps[step, RING]
    if now.words[ring + RING_HELD] == 0:
        return NONE
    return int(now.words[ring_row(now, step, ring, 0)])
