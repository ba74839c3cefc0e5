"""Tells in one call whether arrays have room for the next events, which they nearly always have."""

from features.layout.kernel_context import slab_of
from features.layout.layout import FREE_NOTES, FREE_PAGES, LINES_LACKED, NEEDED, SEALED
from features.windows.value_table import FULL
from foundation.borrowing import entry
from foundation.number_arrays import Int64s

SEALED_MORE = 8


@entry
def has_room(context: Int64s, pages: int, notes: int, entries: int) -> bool:
    """Tells whether `features.profiles.slab.with_room`, `with_lines` and `with_values` would leave all arrays as they are.

    Args:
        pages, notes: how many must be free.
        entries: how many values tables must have room for; 0 where no window has a table.
    """
    slab = slab_of(context)
    counters, counts = slab.counters, slab.counts
    if counters[FREE_PAGES] < pages or counters[FREE_NOTES] < notes or counters[LINES_LACKED] != 0 or counters[NEEDED] != 0:
        return False
    if len(slab.sealed) < counters[SEALED] + len(slab.pages) + SEALED_MORE:
        return False
    return bool(entries == 0 or (counts.used[0] + entries <= len(counts.counts) * FULL and slab.ranks.free[1] >= entries))
