"""What the loop over events is given and gives, and how compiled functions borrow it."""

from typing import NamedTuple

from features.profiles.sparse_entries import SparseArrays
from foundation.borrowing import inner
from foundation.compiled import borrowed
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.tables import Tables


class Events(NamedTuple):
    """Holds the events of a batch and the steps that they fire.

    Args:
        slots: [n] of their keys; -1 for an event without one.
        times, ids: [n] ms, and id keys.
        late: [n] whether an event is older than one that its key had before.
        values: [n, columns].
        events, steps: [m] ascending by event, then by step.
    """

    slots: Int64s
    times: Int64s
    ids: Int64s
    late: Int64s
    values: Float64s
    events: Int64s
    steps: Int64s


class Room(NamedTuple):
    """Room for what is found.

    Args:
        counts: [rules, COUNTS] added to.
        events, rules, starts: of matches: the event, the rule, and where its record begins in `words`.
        words: records of matches.
        due_slots, due_rules, due_starts, due_words: the same of trailing absences that have come true, which have a key and no event; their
            deadline stands before the record.
    """

    counts: Int64s
    events: Int64s
    rules: Int64s
    starts: Int64s
    words: Int64s
    due_slots: Int64s
    due_rules: Int64s
    due_starts: Int64s
    due_words: Int64s


@inner
def lent_entries(sparse: SparseArrays) -> SparseArrays:
    """Returns the arrays without counts of their references, which would cost more than the steps."""
    return SparseArrays(
        borrowed(sparse.words),
        borrowed(sparse.first),
        borrowed(sparse.table),
        borrowed(sparse.free),
        borrowed(sparse.numbers),
        borrowed(sparse.lines),
        borrowed(sparse.filters),
    )


@inner
def lent_tables(tables: Tables) -> Tables:
    """Returns the tables without counts of their references."""
    return Tables(
        borrowed(tables.rules),
        borrowed(tables.steps),
        borrowed(tables.captured),
        borrowed(tables.programs),
        borrowed(tables.code),
        borrowed(tables.constants),
    )


@inner
def lent_events(batch: Events) -> Events:
    """Returns the events without counts of their references."""
    return Events(
        borrowed(batch.slots),
        borrowed(batch.times),
        borrowed(batch.ids),
        borrowed(batch.late),
        borrowed(batch.values),
        borrowed(batch.events),
        borrowed(batch.steps),
    )


@inner
def lent_room(room: Room) -> Room:
    """Returns the room without counts of its references."""
    return Room(
        borrowed(room.counts),
        borrowed(room.events),
        borrowed(room.rules),
        borrowed(room.starts),
        borrowed(room.words),
        borrowed(room.due_slots),
        borrowed(room.due_rules),
        borrowed(room.due_starts),
        borrowed(room.due_words),
    )
