"""Where things stand in the arena of profiles: words of a head, of a page, of a row, of a waiting label.

A profile is a head (one row of 64-bit words) and a chain of pages. A page holds up to `PAGE` retained events, sorted by time
and order; the last page of a chain is open, the others are sealed. A place in history is page * PAGE + index; `END` stands
behind the newest event.
"""

from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Float64s, Int64s

PAGE = 16
PAGE_BITS = 4
END = -1
NEVER = np.iinfo(np.int64).max
LONG_AGO = -(1 << 62)

# Words of a head; then two words (place, time there) a cursor; then the time up to which each column of the rows is unknown; then the
# units. HEARD is the latest time of a label applied, DROPPED_MS that of the newest row let go,
# UNKNOWN_MS that of the newest row that lacks a column.
FIRST, LAST, NEWEST, ROWS, NEXT_SEQ, WAITING, WAITING_LAST, ORPHANS, HEARD, DROPPED_MS, UNKNOWN_MS, HEAD_WORDS = range(12)

# Words of a page before its rows. BLOOM and BLOOM_2 have a bit set for each id in the page: a page that lacks either is not searched.
PREV, NEXT, FILL, SEQ, OWNER, DIRTY, BLOOM, BLOOM_2, PAGE_WORDS = range(9)

# Words of a row. ID stands for the event's id, and in a profile that is no user's for its user too, see `inputs.row_key`. The primary
# entity's rows carry three more before the retained numbers. LABEL also counts the corrections of the row, see
# `features.windows.row_label`.
TIME, ID, ORDER, LABEL, BODY, SCORE, OUTCOME = range(7)
NUMBERS_OF_ENTITY = 4
NUMBERS_OF_USER = 7

# Words of a waiting label: a note. VISIBLE is the time from which events may know it. ID is as in its event's row; the lowest bit of
# LABEL is the label, above it stands the user's part of ID.
NOTE_PREV, NOTE_NEXT, NOTE_TIME, NOTE_ID, NOTE_LABEL, NOTE_VISIBLE, NOTE_WORDS = range(7)

# Counters that the kernel and its owner share: free pages and notes on their stacks, entries in the logs,
# entries that the tables of values must have room for before the kernel can go on.
FREE_PAGES, FREE_NOTES, SEALED, DROPPED, NEEDED, COUNTERS = range(6)

# How many words a unit has that keeps decayed means, a burst, or what is known of counted values.
DECAYED_WORDS, BURST_WORDS, VALUE_WORDS = 8, 6, 5

LATE, TOO_LATE, DUPLICATE, ID_REUSED, WARMING, CORRECTED, RETRACTED, UNKNOWN, TOO_FAR_BACK, TOO_OFTEN = (1 << bit for bit in range(10))
ADD, CORRECT, RETRACT = range(3)


class Counts(NamedTuple):
    """The table; a place with a count of 0 is empty.

    Args:
        owners, values, counts: [size], size a power of two.
        used: [1], entries.
    """

    owners: Int64s
    values: Int64s
    counts: Int64s
    used: Int64s


class Ranks(NamedTuple):
    """Nodes of all trees.

    Args:
        nodes: [n * 5] left, right, rows below and here, rows here, priority; of free nodes, left is the next free one.
        keys: [n] their values.
        free: [2] the first free node or -1, and how many are free.
        path: [512] scratch.
    """

    nodes: Int64s
    keys: Float64s
    free: Int64s
    path: Int64s


class Arena(NamedTuple):
    """All profiles of one kind as flat arrays; ``_f`` is the float64 view of the same words.

    Args:
        heads, heads_f: one row a slot.
        pages, pages_f: one row a page.
        edges: of each min or max window of a slot: place where its back part begins.
        backs: least value of the back part.
        suffixes: of each row of a page, least value from there to the edge; of maxima the negated values.
        roots: of each window with ranks of a slot, its tree.
        counts: of the values of windows that count them.
        ranks: trees of the values of windows that rank them.
        free_pages, free_notes: stacks.
        notes: labels that wait.
        sealed: (slot, page) of sealed pages that changed since they were saved.
        dropped: (slot, seq, page) of pages that are gone; page -1 where only what was saved under seq is.
        counters: see above.
        context: where compiled functions find all of this; empty outside of them.
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
    sealed: Int64s
    dropped: Int64s
    counters: Int64s
    context: Int64s
