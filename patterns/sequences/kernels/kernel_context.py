"""Finds entries, tables and room in the context of the loop over events: a table of addresses, made when one of these has moved.

The loop reads some forty arrays. Handing them over one by one costs as much as sixty events.
"""

from typing import NamedTuple

from features.layout.address_table import floats, int_rows, ints, table_of
from features.profiles.sparse_entries import LINE, SLOT_WORDS, SparseArrays
from foundation.borrowing import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.kernels.room import Room
from patterns.sequences.plan.short_way import ShortWay
from patterns.sequences.plan.tables import Tables

_TABLES = len(SparseArrays._fields)
_ROOM = _TABLES + len(Tables._fields)
_LINES = _ROOM + len(Room._fields)
_SHORT = _LINES + 2
_OWN = _SHORT + len(ShortWay._fields)
WORDS = 0
"""The place of the words of the sparse entries in the context."""
SCRATCH, WIDTH, COUNTER, BOUNDS = range(4)
"""Cells of `Own.bounds`: the first word, behind all entries, of three records of room; the width of a record; the section that counts the
events of keys with strict rules, -1 where there are none."""


class Lines(NamedTuple):
    """What is fetched ahead, a row for each line of the cache: entries with directories, and slots."""

    entries: Int64s
    slots: Int64s


class Own(NamedTuple):
    """What the loop keeps for itself.

    Args:
        needs: [steps, NEEDS].
        movable, opening: [steps] see `patterns.sequences.kernels.movable.find_movable`.
        asked: [NEEDS].
        bounds: [BOUNDS].
        places, stack: see `patterns.sequences.kernels.places.Place`, where `places` is `found`.
    """

    needs: Int64s
    movable: Int64s
    opening: Int64s
    asked: Int64s
    bounds: Int64s
    places: Int64s
    stack: Float64s


def context_of(sparse: SparseArrays, tables: Tables, room: Room, short: ShortWay, own: Own) -> Int64s:
    """Makes the context; valid until one of the arrays is replaced, which the caller keeps alive."""
    lines = sparse.words.reshape(-1, LINE), sparse.slots.reshape(-1, SLOT_WORDS)
    return table_of([*sparse, *tables, *room, *lines, *short, *own])


@inner
def entries_of(context: Int64s) -> SparseArrays:
    """Returns the sparse entries."""
    return SparseArrays(ints(context, 0), ints(context, 1), ints(context, 2), ints(context, 3), ints(context, 4))


@inner
def tables_of(context: Int64s) -> Tables:
    """Returns the tables."""
    return Tables(
        int_rows(context, _TABLES),
        int_rows(context, _TABLES + 1),
        ints(context, _TABLES + 2),
        ints(context, _TABLES + 3),
        int_rows(context, _TABLES + 4),
        floats(context, _TABLES + 5),
    )


@inner
def room_of(context: Int64s) -> Room:
    """Returns the room."""
    return Room(
        int_rows(context, _ROOM),
        ints(context, _ROOM + 1),
        ints(context, _ROOM + 2),
        ints(context, _ROOM + 3),
        ints(context, _ROOM + 4),
        ints(context, _ROOM + 5),
        ints(context, _ROOM + 6),
        ints(context, _ROOM + 7),
        ints(context, _ROOM + 8),
        ints(context, _ROOM + 9),
    )


@inner
def lines_of(context: Int64s) -> Lines:
    """Returns what is fetched ahead."""
    return Lines(int_rows(context, _LINES), int_rows(context, _LINES + 1))


@inner
def short_way_of(context: Int64s) -> ShortWay:
    """Returns the short way."""
    return ShortWay(int_rows(context, _SHORT), ints(context, _SHORT + 1))


@inner
def own_of(context: Int64s) -> Own:
    """Returns what the loop keeps for itself."""
    return Own(
        int_rows(context, _OWN),
        ints(context, _OWN + 1),
        ints(context, _OWN + 2),
        ints(context, _OWN + 3),
        ints(context, _OWN + 4),
        int_rows(context, _OWN + 5),
        floats(context, _OWN + 6),
    )
