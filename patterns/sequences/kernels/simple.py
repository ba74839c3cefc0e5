"""Takes events through the commonest sequences on a short way: single steps in order that read nothing of each other.

Of such a sequence a key keeps for each step but the last one partial match: the times and ids of its events, oldest first. A later start
is always the better one, so that a new partial match takes the place of the old one. `patterns.sequences.kernels.ordered` does the same,
and more.

What the first step took is the newest event that satisfied its condition, whichever sequence asks. So it is kept once for all sequences
that begin with the same condition, and a sequence has words of its own from its second step on. An event that opens many sequences writes
one entry, and else writes those of the sequences that it moves.

The first two words of a sequence's own entry say what the shared event does not. They are `NONE` where there is nothing to say; or an event
that this sequence alone keeps, since it began from rows that the profile retains, or in an earlier version; or, with `BARRED` added to its
time, the shared event as it was when a match ended all that had begun, so that it opens this sequence no more.
"""

from features.profiles.sparse_entries import SparseArrays, drop_entry, find_entry, has_lapsed, make_entry, set_lapse
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s
from patterns.sequences.plan.short_way import (
    FIRSTS,
    GAP_MS,
    GIVES_EACH,
    HOW,
    IN_SECTION,
    IS_LAST,
    KEEPS_OWN,
    LASTS_MS,
    NUMBER,
)
from patterns.sequences.plan.tables import NONE

BARRED = 1 << 62
_BARRED_LEAST = 1 << 61


@inner
def take_simple(
    sparse: SparseArrays,
    short: Int64s,
    slot: int,
    steps: Int64s,
    begin: int,
    stop: int,
    opening: Int64s,
    time: int,
    id: int,
    words: Int64s,
    end: int,
) -> int:
    """Lets an event take the steps [begin, stop) of one rule, newest first. Returns how many words of a match it wrote at `end`.

    Args:
        opening: first steps that the event takes. It is not shared before it has taken all later steps of all rules: see `open_shared`.
    """
    at = find_entry(sparse, slot, short[steps[begin], IN_SECTION])
    written = 0
    for place in range(stop - 1, begin - 1, -1):
        own = short[steps[place]]
        number = own[NUMBER]
        if number == 0:
            at = _open_own(sparse, short, steps[place], slot, at, time, id)
            continue
        before = at + number * (number - 1) if at >= 0 else -1
        if number == 1:
            before = _first_event(sparse, slot, own, at, time)
        if before < 0 or not _follows(sparse.words, before, number, time, own):
            continue
        if own[HOW] & IS_LAST:
            _copy(sparse.words, before, words, end, number, time, id)
            written = 2 * number + 2
            if not own[HOW] & GIVES_EACH:
                _end(sparse, short, steps[place], slot, at, opening, time, id)
                return int(written)
        else:
            if at < 0:
                at = _make(sparse, short, steps[place] - number, slot)
            _copy(sparse.words, before, sparse.words, at + number * (number + 1), number, time, id)
            if number == 1:
                set_lapse(sparse, at, sparse.words[before] + own[LASTS_MS])
    return int(written)


@inner
def open_shared(sparse: SparseArrays, short: Int64s, slot: int, opening: Int64s, time: int, id: int) -> None:
    """Keeps the event for all sequences that begin with what it satisfies.

    Args:
        opening: first steps that it takes; of those next to each other that share an event, one.
    """
    for step in opening:
        at = find_entry(sparse, slot, short[step, FIRSTS])
        if at < 0:
            at = make_entry(sparse, slot, short[step, FIRSTS])
        sparse.words[at], sparse.words[at + 1] = time, id
        set_lapse(sparse, at, time + short[step, LASTS_MS])


@inner
def _first_event(sparse: SparseArrays, slot: int, own: Int64s, at: int, time: int) -> int:
    """Returns where the newest event stands that the first step took and that still opens the sequence; -1 where there is none."""
    mine = -1
    if at >= 0 and sparse.words[at] != NONE and sparse.words[at] < _BARRED_LEAST:
        mine = at
    if own[HOW] & KEEPS_OWN:
        return int(mine)
    shared = find_entry(sparse, slot, own[FIRSTS])
    if shared < 0 or has_lapsed(sparse, shared, time) or _is_barred(sparse.words, at, shared):
        return int(mine)
    if mine >= 0 and sparse.words[mine] > sparse.words[shared]:
        return int(mine)
    return int(shared)


@inner
def _is_barred(words: Int64s, at: int, shared: int) -> bool:
    return bool(at >= 0 and words[at] == words[shared] + BARRED and words[at + 1] == words[shared + 1])


@inner
def _open_own(sparse: SparseArrays, short: Int64s, step: int, slot: int, at: int, time: int, id: int) -> int:
    """Keeps the event for this sequence alone."""
    if at < 0:
        at = _make(sparse, short, step, slot)
    sparse.words[at], sparse.words[at + 1] = time, id
    set_lapse(sparse, at, time + short[step, LASTS_MS])
    return int(at)


@outer
def _end(sparse: SparseArrays, short: Int64s, step: int, slot: int, at: int, opening: Int64s, time: int, id: int) -> None:
    """Ends all that has begun of a sequence: from the shared event of its first step, too, which is this event where it takes that step."""
    first = step - short[step, NUMBER]
    shared = find_entry(sparse, slot, short[step, FIRSTS])
    opens = False
    for each in opening:
        opens = opens or short[each, FIRSTS] == short[step, FIRSTS]
    if opens:
        start, its_id = time, id
    elif shared >= 0 and not has_lapsed(sparse, shared, time):
        start, its_id = sparse.words[shared], sparse.words[shared + 1]
    else:
        if at >= 0:
            drop_entry(sparse, at)
        return
    if at < 0:
        at = make_entry(sparse, slot, short[step, IN_SECTION])
    _clear(sparse, short, first, at)
    sparse.words[at], sparse.words[at + 1] = start + BARRED, its_id
    set_lapse(sparse, at, start + short[first + 1, LASTS_MS])


@inner
def _make(sparse: SparseArrays, short: Int64s, first: int, slot: int) -> int:
    """Makes the words of a sequence, in which nothing has begun."""
    at = make_entry(sparse, slot, short[first, IN_SECTION])
    _clear(sparse, short, first, at)
    return int(at)


@inner
def _follows(words: Int64s, before: int, number: int, time: int, own: Int64s) -> bool:
    """Tells whether an event may follow the partial match of so many events."""
    start = words[before]
    return bool(start != NONE and time - words[before + 2 * number - 2] <= own[GAP_MS] and time - start <= own[LASTS_MS])


@inner
def _copy(source: Int64s, start: int, target: Int64s, at: int, number: int, time: int, id: int) -> None:
    for word in range(2 * number):
        target[at + word] = source[start + word]
    target[at + 2 * number], target[at + 2 * number + 1] = time, id


@inner
def _clear(sparse: SparseArrays, short: Int64s, first: int, at: int) -> None:
    step = first
    while not short[step, HOW] & IS_LAST:
        number = short[step, NUMBER]
        sparse.words[at + number * (number + 1)] = NONE
        step += 1
