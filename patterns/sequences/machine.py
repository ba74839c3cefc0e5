"""Takes a batch of fired steps through the slots of their keys: the compiled loop over events."""

import numpy as np

from features.profiles.sparse_entries import FILTER_WORDS, LINE, NEVER_LAPSES, SparseArrays, drop_entry, find_entry, make_entry, set_lapse
from foundation.borrowing import inner, outer
from foundation.compiled import borrowed, entry, held, prefetch
from foundation.number_arrays import Int64s
from patterns.sequences.absent_steps import come_between, wait_for_absence
from patterns.sequences.any_order import clear_lists, forget_apart, is_complete, note_event
from patterns.sequences.batches import Events, Room, lent_entries, lent_events, lent_room, lent_tables
from patterns.sequences.movable import fetch_ahead, find_movable
from patterns.sequences.ordered import open_first, take_step
from patterns.sequences.places import FOUND_MAX, Place, clear_entry
from patterns.sequences.programs import STACK_MAX
from patterns.sequences.records import Now
from patterns.sequences.simple import FIRSTS, OF_RULE, open_shared, take_simple
from patterns.sequences.tables import (
    ABSENT,
    EACH,
    FIRST,
    GATE,
    GATED,
    KIND,
    LATE,
    NONE,
    OPTIONAL,
    ORDERED,
    PLAIN,
    RECORD,
    RULE,
    SECTION,
    STRICT,
    UNTIL,
    WAIT,
    WITHIN,
    Tables,
)
from patterns.sequences.waiting import is_over, tell_absence

NEVER_MS = NEVER_LAPSES * 1_000
NEW_ENTRIES, NEW_LINES, MATCHES, MATCH_WORDS, DUES, DUE_WORDS, _, _, NEEDS = range(9)
"""What a fired step may need at most: entries that it makes, their lines, matches, words of matches, the same of trailing absences."""


@entry
def advance(
    sparse: SparseArrays, tables: Tables, short: Int64s, looks: Int64s, batch: Events, room: Room, scratch: int, counter: int
) -> tuple[int, int]:
    """Lets the events of a batch take their steps. Returns the numbers of matches and of absences that have come true.

    Args:
        short, looks: see `patterns.sequences.short_way`.
        scratch: the first word, behind all entries, that may be written; there are three records of room.
        counter: the section that counts the events of keys with strict rules; -1 where there are none.
    """
    own_stack, own_found = np.empty(STACK_MAX), np.empty((FOUND_MAX, 2), np.int64)
    stack, found = borrowed(own_stack), borrowed(own_found)
    sparse, tables, batch, room = lent_entries(sparse), lent_tables(tables), lent_events(batch), lent_room(room)
    floats, short, looks = borrowed(sparse.words.view(np.float64)), borrowed(short), borrowed(looks)
    lines, cells = borrowed(sparse.words.reshape(-1, LINE)), borrowed(sparse.table.reshape(-1, LINE))
    filters = borrowed(sparse.filters.reshape(-1, FILTER_WORDS))
    own_steps, own_opening = np.empty(len(batch.events), np.int64), np.empty(len(batch.events), np.int64)
    own_bounds = np.empty(len(batch.slots) + 1, np.int64)
    steps, opening, bounds = borrowed(own_steps), borrowed(own_opening), borrowed(own_bounds)
    _find_bounds(batch.events, bounds)
    width = 0
    for rule in range(len(tables.rules)):
        width = max(width, tables.rules[rule, RECORD])
    matches, dues = 0, 0
    room.starts[0] = 0
    for i in range(len(batch.slots)):
        group, end, slot = bounds[i], bounds[i + 1], batch.slots[i]
        if i + 2 < len(batch.slots):
            prefetch(filters, batch.slots[i + 2], 0)
        if i + 1 < len(batch.slots):
            fetch_ahead(sparse, cells, looks, batch.slots[i + 1], batch.steps, end, bounds[i + 2])
        if end == group and counter < 0:
            continue
        if slot < 0 or batch.late[i]:
            _count_late(tables, batch, room, group, end)
            continue
        begin, opened = find_movable(sparse, lines, looks, slot, batch.steps, group, end, steps, opening)
        seen = _count_event(sparse, slot, counter) if counter >= 0 else 0
        now = Now(sparse.words, floats, tables.rules, tables.steps, tables.captured, batch.values, i, batch.times[i], batch.ids[i], seen)
        while begin > 0:
            last = begin
            rule = short[steps[last - 1], OF_RULE]
            while begin > 0 and short[steps[begin - 1], OF_RULE] == rule:
                begin -= 1
            if short[steps[begin], FIRSTS] >= 0:
                start = room.starts[matches]
                wrote = take_simple(sparse, short, slot, steps, begin, last, opening[:opened], now.time, now.id, room.words, start)
                if wrote:
                    room.events[matches], room.rules[matches], room.starts[matches + 1] = i, rule, start + wrote
                    matches += 1
                continue
            place = Place(rule, -1, scratch, scratch + width, scratch + 2 * width, stack, found, borrowed(room.counts[rule]))
            matched, due = _take(sparse, tables, now, place, slot, steps, begin, last, room, matches, dues, counter)
            matches += matched
            dues += due
        open_shared(sparse, short, slot, opening[:opened], now.time, now.id)
    held(own_stack)
    held(own_found)
    held(own_steps)
    held(own_opening)
    held(own_bounds)
    return matches, dues


@entry
def add_needs(needs: Int64s, steps: Int64s, out: Int64s) -> None:
    """Adds up the rows of `needs`, [steps, NEEDS], of the fired `steps`."""
    for step in steps:
        for need in range(NEEDS):
            out[need] += needs[step, need]


@inner
def _find_bounds(events: Int64s, bounds: Int64s) -> None:
    """Writes where the fired steps of each event begin, and where those of the last one end."""
    at = 0
    for i in range(len(bounds)):
        while at < len(events) and events[at] < i:
            at += 1
        bounds[i] = at


@inner
def _count_late(tables: Tables, batch: Events, room: Room, group: int, stop: int) -> None:
    rule = -1
    for at in range(group, stop):
        step = batch.steps[at]
        if tables.steps[step, RULE] != rule and tables.steps[step, KIND] != GATE and batch.slots[batch.events[at]] >= 0:
            rule = tables.steps[step, RULE]
            room.counts[rule, LATE] += 1


@inner
def _count_event(sparse: SparseArrays, slot: int, counter: int) -> int:
    """Counts an event of a key with strict rules; returns how many there were before."""
    at = find_entry(sparse, slot, counter)
    if at < 0:
        return 0
    sparse.words[at] += 1
    return int(sparse.words[at])


@outer
def _take(
    sparse: SparseArrays,
    tables: Tables,
    now: Now,
    place: Place,
    slot: int,
    steps: Int64s,
    begin: int,
    stop: int,
    room: Room,
    matches: int,
    dues: int,
    counter: int,
) -> tuple[int, int]:
    """Lets the event take the steps [begin, stop) that it fires of one rule, newest first.

    Returns how many matches and absences that have come true it adds.
    """
    rule = place.rule
    at = find_entry(sparse, slot, tables.rules[rule, SECTION])
    if at < 0 and not _opens(tables, rule, steps, begin, stop):
        return 0, 0
    due = 0
    if at >= 0 and is_over(now, at, rule):
        due = tell_absence(sparse, now, at, rule, room, slot, dues)
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
        return 0, due
    if at < 0:
        at = _begin(sparse, tables, now, place, slot)
    if _opens(tables, rule, steps, begin, stop):
        _live_on(sparse, now, rule, slot, at, counter)
    here = Place(rule, at, place.run, place.whole, place.best, place.stack, place.found, place.counts)
    if not _take_steps(tables, now, here, steps, begin, stop) or not gated:
        return 0, due
    return _match(sparse, tables, now, here, room, matches), due


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
def _match(sparse: SparseArrays, tables: Tables, now: Now, place: Place, room: Room, matches: int) -> int:
    """Gives out the record of a match, or lets it wait for the absence at the end. Returns the number of matches."""
    rule, at = place.rule, place.entry
    if tables.rules[rule, WAIT] >= 0:
        wait_for_absence(now, place, place.best)
        set_lapse(sparse, at, NEVER_MS)
        return 0
    room.events[matches], room.rules[matches] = now.row, rule
    _write_record(now, rule, place.best, room.words, room.starts, matches)
    if not tables.rules[rule, EACH]:
        drop_entry(sparse, at)
    return 1


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


@inner
def _write_record(now: Now, rule: int, record: int, words: Int64s, starts: Int64s, number: int) -> None:
    start = starts[number]
    for word in range(now.rules[rule, RECORD]):
        words[start + word] = now.words[record + word]
    starts[number + 1] = start + now.rules[rule, RECORD]
