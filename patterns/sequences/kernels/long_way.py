"""Takes an event through the steps of any sequence: what `patterns.sequences.kernels.simple` does not serve."""

from features.profiles.sparse_entries import NEVER_LAPSES, SparseArrays, drop_entry, find_entry, make_entry, set_lapse
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s
from patterns.sequences.kernels.absent_steps import come_between, wait_for_absence
from patterns.sequences.kernels.any_order import clear_lists, forget_apart, is_complete, note_event
from patterns.sequences.kernels.ordered import open_first, take_step
from patterns.sequences.kernels.places import Place, clear_entry
from patterns.sequences.kernels.records import Now
from patterns.sequences.kernels.room import FOUND_MATCHES, Room, note_match
from patterns.sequences.kernels.waiting import is_over, tell_absence
from patterns.sequences.plan.tables import (
    ABSENT,
    EACH,
    FIRST,
    GATE,
    GATED,
    KIND,
    NONE,
    OPTIONAL,
    ORDERED,
    PLAIN,
    RECORD,
    SECTION,
    STRICT,
    UNTIL,
    WAIT,
    WITHIN,
    Tables,
)

NEVER_MS = NEVER_LAPSES * 1_000


@outer
def take_long(
    sparse: SparseArrays,
    tables: Tables,
    now: Now,
    place: Place,
    slot: int,
    steps: Int64s,
    begin: int,
    stop: int,
    room: Room,
    counter: int,
) -> None:
    """Lets the event take the steps [begin, stop) that it fires of one rule, newest first."""
    rule = place.rule
    at = find_entry(sparse, slot, tables.rules[rule, SECTION])
    if at < 0 and not _opens(tables, rule, steps, begin, stop):
        return
    if at >= 0 and is_over(now, at, rule):
        tell_absence(sparse, now, at, rule, room, slot)
        at = find_entry(sparse, slot, tables.rules[rule, SECTION])
    gated = tables.rules[rule, GATED] == 0
    while stop > begin and tables.steps[steps[stop - 1], KIND] >= UNTIL:
        stop -= 1
        if tables.steps[steps[stop], KIND] == GATE:
            gated = True
        elif at >= 0:
            drop_entry(sparse, at)
            at = -1
    if stop == begin or (at < 0 and not _opens(tables, rule, steps, begin, stop)):
        return
    if at < 0:
        at = _begin(sparse, tables, now, place, slot)
    if _opens(tables, rule, steps, begin, stop):
        _live_on(sparse, now, rule, slot, at, counter)
    here = Place(rule, at, place.run, place.whole, place.best, place.stack, place.found, place.counts)
    if _take_steps(tables, now, here, steps, begin, stop) and gated:
        _match(sparse, tables, now, here, room)


@outer
def _begin(sparse: SparseArrays, tables: Tables, now: Now, place: Place, slot: int) -> int:
    """Makes the words of a key and rule, empty."""
    rule = place.rule
    at = make_entry(sparse, slot, tables.rules[rule, SECTION])
    here = Place(rule, at, place.run, place.whole, place.best, place.stack, place.found, place.counts)
    if tables.rules[rule, ORDERED]:
        clear_entry(now, tables, here)
    else:
        clear_lists(now, here)
        sparse.words[at] = now.seen
    return at


@inner
def _take_steps(tables: Tables, now: Now, place: Place, steps: Int64s, begin: int, stop: int) -> bool:
    if tables.rules[place.rule, ORDERED]:
        return _in_order(now, tables, place, steps, begin, stop)
    return _in_any_order(now, tables, place, steps, begin, stop)


@outer
def _match(sparse: SparseArrays, tables: Tables, now: Now, place: Place, room: Room) -> None:
    """Gives out the record of a match, or lets it wait for the absence at the end."""
    rule, at = place.rule, place.entry
    if tables.rules[rule, WAIT] >= 0:
        wait_for_absence(now, place, place.best)
        set_lapse(sparse, at, NEVER_MS)
        return
    start, record = room.starts[room.found[FOUND_MATCHES]], now.rules[rule, RECORD]
    for word in range(record):
        room.words[start + word] = now.words[place.best + word]
    note_match(room, now.row, rule, record)
    if not tables.rules[rule, EACH]:
        drop_entry(sparse, at)


@inner
def _opens(tables: Tables, rule: int, steps: Int64s, begin: int, stop: int) -> bool:
    """Tells whether one of the steps [begin, stop) begins a partial match."""
    if stop == begin:
        return False
    if tables.rules[rule, ORDERED]:
        return bool(steps[begin] == tables.rules[rule, FIRST])
    opening = False
    for at in range(begin, stop):
        opening = opening or tables.steps[steps[at], KIND] == PLAIN
    return opening


@inner
def _live_on(sparse: SparseArrays, now: Now, rule: int, slot: int, at: int, counter: int) -> None:
    """Says until when the key's words of a rule mean something: nothing that begins now lasts longer than the rule's time."""
    until = now.time + now.rules[rule, WITHIN]
    if now.rules[rule, WAIT] < 0 or now.words[at + now.rules[rule, WAIT]] == NONE:
        set_lapse(sparse, at, until)
    if now.rules[rule, STRICT]:
        count = find_entry(sparse, slot, counter)
        if count < 0:
            count = make_entry(sparse, slot, counter)
            sparse.words[count], sparse.words[count + 1] = now.seen, until
        sparse.words[count + 1] = max(sparse.words[count + 1], until)
        set_lapse(sparse, count, sparse.words[count + 1])


@inner
def _in_order(now: Now, tables: Tables, place: Place, steps: Int64s, begin: int, stop: int) -> bool:
    complete = False
    first = now.rules[place.rule, FIRST]
    for at in range(stop - 1, begin - 1, -1):
        step = steps[at]
        if now.steps[step, KIND] == ABSENT:
            come_between(now, tables, place, step)
        elif step == first:
            complete = open_first(now, tables, place, step) or complete
        else:
            complete = take_step(now, tables, place, step) or complete
    return complete


@inner
def _in_any_order(now: Now, tables: Tables, place: Place, steps: Int64s, begin: int, stop: int) -> bool:
    hit, needed = False, False
    for at in range(begin, stop):
        if now.steps[steps[at], KIND] == ABSENT:
            clear_lists(now, place)
        else:
            hit = True
            needed = needed or now.steps[steps[at], OPTIONAL] == 0
    if not hit:
        return False
    forget_apart(now, place)
    for at in range(begin, stop):
        if now.steps[steps[at], KIND] != ABSENT:
            note_event(now, place, steps[at])
    return needed and is_complete(now, place)
