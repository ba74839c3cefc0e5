"""The layout of a profile slab: the 64-bit cells of a head, of a page, of a row and of a waiting label.

A profile is a head (one row of 64-bit cells) and a chain of pages. A page holds up to `PAGE` retained events, sorted by time
and order; the last page of a chain is open, the others are sealed. A row reference is page * PAGE + index; `END` stands
for the position after the newest event.
"""

from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Float64s, Int64s

PAGE = 16
PAGE_BITS = 4
END = -1
NEVER = np.iinfo(np.int64).max
LONG_AGO = -(1 << 62)

# Cells of a head. After them come two cells (row reference, time of that row) for each cursor, the time up to which each column of the rows
# is unknown, and the units. HEARD is the latest time of an applied label, DROPPED_MS that of the newest evicted row, UNKNOWN_MS that of the
# newest row that lacks a column.
FIRST, LAST, NEWEST, ROWS, NEXT_SEQ, WAITING, WAITING_LAST, ORPHANS, HEARD, DROPPED_MS, UNKNOWN_MS, HEAD_WORDS = range(12)

# Cells of a page before its rows. BLOOM and BLOOM_2 have a bit set for each id in the page: a page that lacks either is not searched.
PREV, NEXT, FILL, SEQ, OWNER, DIRTY, BLOOM, BLOOM_2, PAGE_WORDS = range(9)

# Cells of a row. ID is the key of the event's id; outside the primary entity's profiles the user is part of it, see `inputs.row_key`. The
# primary entity's rows carry three more cells before the retained numbers. LABEL also counts the corrections of the row, see
# `features.windows.row_label`.
TIME, ID, ORDER, LABEL, BODY, SCORE, OUTCOME = range(7)
NUMBERS_OF_ENTITY = 4
NUMBERS_OF_USER = 7

# Cells of a waiting label, called a note. VISIBLE is the time from which on events may see it. ID is as in its event's row; the lowest bit
# of LABEL is the label, above it stand the user's part of ID and, from bit 40 on, the rank of the source.
NOTE_PREV, NOTE_NEXT, NOTE_TIME, NOTE_ID, NOTE_LABEL, NOTE_VISIBLE, NOTE_WORDS = range(7)

# Cells of a slot beside its head that describe its filter of ids, see `features.kernel.id_filter`: first line << SIZE_BITS, and the base-2
# logarithm of its lines, which is at least 1, so that 0 stands for no filter; and the number of ids that it has room for.
FILTER, ROOM, FILTER_WORDS = range(3)
SIZE_BITS = 6
LINE_WORDS = 8

# Counters that the kernel and its caller share: free pages and notes on their stacks, entries in the logs, the entries that the tables
# of values must have room for before the kernel can continue; lines that were ever given to filters, those of them that came back, and
# those that a filter lacked.
FREE_PAGES, FREE_NOTES, SEALED, DROPPED, NEEDED, LINES, FREE_LINES, LINES_LACKED, COUNTERS = range(9)

# The numbers of cells of units that keep decayed means, a burst, or counted values.
DECAYED_WORDS, BURST_WORDS, VALUE_WORDS = 8, 6, 5

LATE, TOO_LATE, DUPLICATE, ID_REUSED, WARMING, CORRECTED, RETRACTED, UNKNOWN, TOO_FAR_BACK, TOO_OFTEN = (1 << bit for bit in range(10))
ADD, CORRECT, RETRACT = range(3)


class Counts(NamedTuple):
    """Holds the hash table of counted values; a slot with a count of 0 is empty.

    Args:
        owners, values, counts: [size] arrays, where size is a power of two.
        used: [1] number of entries.
    """

    owners: Int64s
    values: Int64s
    counts: Int64s
    used: Int64s


class Ranks(NamedTuple):
    """Holds the nodes of all trees of ranked values.

    Args:
        nodes: [n * 5] left child, right child, rows in the subtree, rows at the node, priority; free nodes chain through left.
        keys: [n] values of the nodes.
        free: [2] the first free node or -1, and the number of free nodes.
        path: [512] scratch.
    """

    nodes: Int64s
    keys: Float64s
    free: Int64s
    path: Int64s


class ProfileSlab(NamedTuple):
    """Holds all profiles of one entity type as flat arrays, the profile slab; ``_f`` is the float64 view of the same cells.

    Args:
        heads, heads_f: one row per slot.
        pages, pages_f: one row per page.
        edges: for each min or max window of a slot, the row where its back part begins.
        backs: for each such window, the least value of the back part.
        suffixes: for each row of a page, the least value from it to the edge; for maxima values are negated.
        roots: for each ranked window of a slot, the root of its tree.
        counts: counts of the values of windows that count them.
        ranks: trees of the values of windows that rank them.
        free_pages, free_notes: stacks of free pages and notes.
        notes: waiting labels.
        filters: [slots, FILTER_WORDS] the filter of ids of each slot.
        filter_lines: [lines, LINE_WORDS] the bits of all filters.
        free_filters: [64] for each size of a filter, the first line of a free one or END; its first cell has the next.
        sealed: (slot, page) of sealed pages that changed since they were saved.
        dropped: (slot, seq, page) of evicted pages; page -1 where only what was saved under seq is gone.
        counters: the counters listed above.
        context: table of addresses by which compiled functions find all of this; empty outside of them.
    """

    heads: Int64s
    heads_f: Float64s
    pages: Int64s
    pages_f: Float64s
    edges: Int64s
    backs: Float64s
    suffixes: Float64s
    roots: Int64s
    counts: Counts
    ranks: Ranks
    free_pages: Int64s
    free_notes: Int64s
    notes: Int64s
    filters: Int64s
    filter_lines: Int64s
    free_filters: Int64s
    sealed: Int64s
    dropped: Int64s
    counters: Int64s
    context: Int64s
