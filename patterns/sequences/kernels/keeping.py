"""Keeps partial matches: the best that is complete, and of those that go on as many as a rule keeps."""

from foundation.borrowing import inner, outer
from patterns.sequences.kernels.places import Place, cell
from patterns.sequences.kernels.records import Now, copy_record, is_free, is_newer
from patterns.sequences.plan.tables import DROPPED, KEPT, RECORD_WORDS, START, WITHIN


@inner
def offer(now: Now, place: Place, step: int, record: int) -> None:
    """Takes over a complete record if it is the best so far; of equal ones the last, because the newest is offered last."""
    if is_free(now, place.rule, place.best) or not is_newer(now, place.rule, place.best, step, record, step):
        copy_record(now, record, place.best, now.steps[step, RECORD_WORDS])


@outer
def insert(now: Now, place: Place, step: int, events: int) -> None:
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
