"""Takes a batch of fired steps through the slots of their keys: the compiled loop over events."""

import numpy as np
from numpy.typing import NDArray

from features.layout.address_table import floats
from features.profiles.sparse_entries import NEVER_LAPSES, SparseArrays, drop_entry, find_entry, make_entry, set_lapse
from foundation.borrowing import entry, inner, outer
from foundation.compiled import prefetch
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.absent_steps import come_between, wait_for_absence
from patterns.sequences.any_order import clear_lists, forget_apart, is_complete, note_event
from patterns.sequences.kernel_context import (
    COUNTER,
    SCRATCH,
    WIDTH,
    WORDS,
    entries_of,
    lines_of,
    own_of,
    room_of,
    short_way_of,
    tables_of,
)
from patterns.sequences.movable import fetch_directory, find_movable
from patterns.sequences.needs import add_up, has_room
from patterns.sequences.ordered import open_first, take_step
from patterns.sequences.places import Place, clear_entry
from patterns.sequences.records import Now
from patterns.sequences.room import FOUND_MATCHES, Room
from patterns.sequences.short_way import ShortWay
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
_SLOT_AHEAD, _DIRECTORY_AHEAD = 4, 2
"""What is needed of the slot that comes so many events later is fetched meanwhile."""


@entry
def advance(
    context: Int64s,
    slots: Int64s,
    times: Int64s,
    ids: Int64s,
    late: NDArray[np.bool_],
    values: Float64s,
    events: Int64s,
    steps: Int64s,
    first: int,
) -> int:
    """Lets the events of a batch take their steps, from event `first` on. Returns the first that lacks room, or how many there are.

    Args:
        context: see `patterns.sequences.kernel_context`.
        slots: [n] of the events' keys; -1 for an event without one.
        times, ids: [n] ms, and id keys.
        late: [n] whether an event is older than one that its key had before.
        values: [n, columns].
        events, steps: [m] which events fire which steps, ascending by event, then by step.
    """
    sparse, tables, room, own = entries_of(context), tables_of(context), room_of(context), own_of(context)
    lines, way, as_floats = lines_of(context), short_way_of(context), floats(context, WORDS)
    scratch, width, counter = own.bounds[SCRATCH], own.bounds[WIDTH], own.bounds[COUNTER]
    end = 0
    while end < len(events) and events[end] < first:
        end += 1
    coming = _end_of(events, end, first)
    for i in range(first, len(slots)):
        group, end, slot = end, coming, slots[i]
        coming = _end_of(events, end, i + 1)
        if i + _SLOT_AHEAD < len(slots):
            prefetch(lines.slots, slots[i + _SLOT_AHEAD], 0)
        if i + _DIRECTORY_AHEAD < len(slots):
            fetch_directory(sparse, lines.entries, slots[i + _DIRECTORY_AHEAD])
        if end == group and counter < 0:
            continue
        if slot < 0 or late[i]:
            if slot >= 0:
                _count_late(tables, room, steps, group, end)
            continue
        begin, opened = find_movable(sparse, lines.entries, way.looks, slot, steps, group, end, own.movable, own.opening)
        opening = own.opening[:opened]
        add_up(own.needs, own.movable[:begin], opening, own.asked)
        if not has_room(own.asked, sparse, room, scratch):
            return i
        seen = _count_event(sparse, slot, counter) if counter >= 0 else 0
        now = Now(sparse.words, as_floats, tables.rules, tables.steps, tables.captured, values, i, times[i], ids[i], seen)
        while begin > 0:
            last = begin
            rule = way.steps[own.movable[last - 1], OF_RULE]
            while begin > 0 and way.steps[own.movable[begin - 1], OF_RULE] == rule:
                begin -= 1
            if way.steps[own.movable[begin], FIRSTS] >= 0:
                _take_short(sparse, way, now, room, slot, own.movable, begin, last, opening)
            else:
                place = Place(rule, -1, scratch, scratch + width, scratch + 2 * width, own.stack, own.places, room.counts[rule])
                _take(sparse, tables, now, place, slot, own.movable, begin, last, room, counter)
        open_shared(sparse, way.steps, slot, opening, now.time, now.id)
    return len(slots)


@inner
def _end_of(events: Int64s, at: int, event: int) -> int:
    """Returns where the fired steps of an event end that begin at `at`."""
    while at < len(events) and events[at] == event:
        at += 1
    return at


@inner
def _count_late(tables: Tables, room: Room, steps: Int64s, group: int, stop: int) -> None:
    """Counts for each rule an event that is too late to take its steps [group, stop)."""
    rule = -1
    for at in range(group, stop):
        if tables.steps[steps[at], RULE] != rule and tables.steps[steps[at], KIND] != GATE:
            rule = tables.steps[steps[at], RULE]
            room.counts[rule, LATE] += 1


@inner
def _take_short(
    sparse: SparseArrays, way: ShortWay, now: Now, room: Room, slot: int, steps: Int64s, begin: int, stop: int, opening: Int64s
) -> None:
    """Lets the event take the steps [begin, stop) of one rule that the short way serves."""
    matches = room.found[FOUND_MATCHES]
    start = room.starts[matches]
    wrote = take_simple(sparse, way.steps, slot, steps, begin, stop, opening, now.time, now.id, room.words, start)
    if wrote:
        _note_match(room, now.row, way.steps[steps[begin], OF_RULE], wrote)


@inner
def _note_match(room: Room, event: int, rule: int, words: int) -> None:
    """Notes a match whose record was written behind those of the others."""
    matches = room.found[FOUND_MATCHES]
    room.events[matches], room.rules[matches], room.starts[matches + 1] = event, rule, room.starts[matches] + words
    room.found[FOUND_MATCHES] = matches + 1


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
    _note_match(room, now.row, rule, record)
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
