"""Takes a batch of fired steps through what their keys have: the compiled loop over events."""

import numpy as np
from numpy.typing import NDArray

from features.layout.address_table import floats
from features.profiles.sparse_entries import SparseArrays, directory_of, find_entry
from foundation.borrowing import entry, inner
from foundation.compiled import prefetch
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.kernels.kernel_context import (
    COUNTER,
    SCRATCH,
    WIDTH,
    WORDS,
    Lines,
    entries_of,
    lines_of,
    own_of,
    room_of,
    short_way_of,
    tables_of,
)
from patterns.sequences.kernels.long_way import take_long
from patterns.sequences.kernels.movable import fetch_entries, find_movable
from patterns.sequences.kernels.needs import add_up, has_room
from patterns.sequences.kernels.places import Place
from patterns.sequences.kernels.records import Now
from patterns.sequences.kernels.room import FOUND_MATCHES, Room, note_match
from patterns.sequences.kernels.simple import open_shared, take_simple
from patterns.sequences.plan.short_way import FIRSTS, OF_RULE, ShortWay
from patterns.sequences.plan.tables import (
    GATE,
    KIND,
    LATE,
    RULE,
    Tables,
)

_SLOT_AHEAD, _DIRECTORY_AHEAD = 8, 4
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
        context: see `patterns.sequences.kernels.kernel_context`.
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
        _fetch_slots(sparse, lines, slots, i)
        if i + 1 < len(slots):
            fetch_entries(sparse, lines.entries, way.looks, slots[i + 1], steps, end, coming)
        if end == group and counter < 0:
            continue
        if slot < 0 or late[i]:
            if slot >= 0:
                _count_late(tables, room, steps, group, end)
            continue
        begin, opened = find_movable(sparse, way.looks, slot, steps, group, end, own.movable, own.opening)
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
                take_long(sparse, tables, now, place, slot, own.movable, begin, last, room, counter)
        open_shared(sparse, way.steps, slot, opening, now.time, now.id)
    return len(slots)


@inner
def _fetch_slots(sparse: SparseArrays, lines: Lines, slots: Int64s, i: int) -> None:
    """Begins to fetch what says what the keys of events behind event i have."""
    if i + _SLOT_AHEAD < len(slots):
        prefetch(lines.slots, slots[i + _SLOT_AHEAD], 0)
    if i + _DIRECTORY_AHEAD < len(slots) and slots[i + _DIRECTORY_AHEAD] >= 0:
        prefetch(lines.entries, directory_of(sparse, slots[i + _DIRECTORY_AHEAD]), 0)


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
        note_match(room, now.row, way.steps[steps[begin], OF_RULE], wrote)


@inner
def _count_event(sparse: SparseArrays, slot: int, counter: int) -> int:
    """Counts an event of a key with strict rules; returns how many there were before."""
    at = find_entry(sparse, slot, counter)
    if at < 0:
        return 0
    sparse.words[at] += 1
    return int(sparse.words[at])
