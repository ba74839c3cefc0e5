"""Counts how often each owner has each value, in one hash table for all owners.

It uses open addressing with linear probing; a removed entry is closed by moving later ones up, so that no tombstone stays (Knuth, The Art
of Computer Programming 6.4, algorithm R). A slot of the table takes 24 bytes, and at most 60 % of them are used.
"""

import numpy as np

from features.layout.layout import Counts
from foundation.borrowing import entry, inner, outer
from foundation.number_arrays import Int64s

FULL = 0.6
_MIX, _MIX_2 = -7046029254386353131, -4658895280553007687


def empty_counts(size: int = 1_024) -> Counts:
    """Makes a table of `size` slots, a power of two."""
    owners, values, counts = np.zeros((3, size), dtype=np.int64)
    return Counts(owners, values, counts, np.zeros(1, dtype=np.int64))


def with_room_for(counts: Counts, more: int) -> Counts:
    """Returns the counts in a table that can take `more` new entries."""
    size = len(counts.counts)
    while counts.used[0] + more > size * FULL:
        size *= 2
    if size == len(counts.counts):
        return counts
    larger = empty_counts(size)
    copy_counts(*counts, *larger)
    return larger


@entry
def copy_counts(
    owners: Int64s,
    values: Int64s,
    counts: Int64s,
    used: Int64s,
    new_owners: Int64s,
    new_values: Int64s,
    new_counts: Int64s,
    new_used: Int64s,
) -> None:
    """Copies all entries into a new table."""
    table = Counts(new_owners, new_values, new_counts, new_used)
    for at in range(len(counts)):
        if counts[at] != 0:
            place = place_of(table, owners[at], values[at])
            new_owners[place], new_values[place], new_counts[place] = owners[at], values[at], counts[at]
    new_used[0] = used[0]


@inner
def free_counts(counts: Counts) -> int:
    """Returns the number of new entries that the table can take."""
    return int(int(len(counts.counts) * FULL) - counts.used[0])


@inner
def home_of(counts: Counts, owner: int, value: int) -> int:
    """Returns the slot at which the search for an entry begins."""
    mixed = (value ^ (owner * _MIX)) * _MIX_2
    mixed = (mixed ^ ((mixed >> 32) & 0xFFFFFFFF)) * _MIX
    return ((mixed >> 29) ^ mixed) & (len(counts.counts) - 1)


@inner
def place_of(counts: Counts, owner: int, value: int) -> int:
    """Returns the slot of an entry, or the empty one where it would be."""
    at = home_of(counts, owner, value)
    while counts.counts[at] != 0 and (counts.owners[at] != owner or counts.values[at] != value):
        at = (at + 1) & (len(counts.counts) - 1)
    return at


@inner
def count_of(counts: Counts, owner: int, value: int) -> int:
    """Returns how often `owner` has `value`."""
    return int(counts.counts[place_of(counts, owner, value)])


@outer
def change_count(owners: Int64s, values: Int64s, counts: Int64s, used: Int64s, owner: int, value: int, by: int) -> int:
    """Counts one more (1) or one less (-1) and returns the new count, at least 0; the table must have room."""
    table = Counts(owners, values, counts, used)
    at = place_of(table, owner, value)
    count = counts[at] + by
    if count > 0:
        if counts[at] == 0:
            owners[at], values[at] = owner, value
            used[0] += 1
        counts[at] = count
        return int(count)
    if counts[at] != 0:
        close(table, at)
        used[0] -= 1
    return 0


@inner
def close(counts: Counts, at: int) -> None:
    """Empties a slot, and moves up those later entries that would not be found any more."""
    last = len(counts.counts) - 1
    gap = at
    counts.counts[gap] = 0
    at = (at + 1) & last
    while counts.counts[at] != 0:
        home = home_of(counts, counts.owners[at], counts.values[at])
        if (at - home) & last >= (at - gap) & last:
            counts.owners[gap], counts.values[gap], counts.counts[gap] = counts.owners[at], counts.values[at], counts.counts[at]
            counts.counts[at] = 0
            gap = at
        at = (at + 1) & last
