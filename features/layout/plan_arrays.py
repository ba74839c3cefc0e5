"""The arrays of a plan, which drive the kernel: what stands where in them.

They stand apart from `plan`, so that kernels are not compiled anew for a change of schemas.
"""

from typing import NamedTuple

from foundation.number_arrays import Float64s, Int64s

KIND, COLUMN, WORD, AUX, HEAD, TAIL, WHERE, LENGTH, LIMIT, REACH, BEGAN, UNIT_COLUMNS = range(12)
MARK_KIND, MARK_SPAN, MARK_COUNT, MARK_WHERE, MARK_HELD, MARK_CHANGES, MARK_CHANGES_END, MARK_UNIT, MARK_COLUMNS = range(9)
LINK_ORIGIN, LINK_TO, LINK_OF, LINK_WHERE, LINK_PREVIOUS, LINK_COLUMNS = range(6)
IS_USER, STRIDE, FIRST_NUMBER, LATENESS, KEEP, DEDUPE, RETENTION, REACH_MS, FIRST_UNKNOWN, MAY_END, COUNTED, RANKED = range(12)
EVENTS_MAX, REWIND_MAX = 12, 13


class PlanArrays(NamedTuple):
    """What the kernel reads of a plan.

    Args:
        offsets: of the cursors of sliding windows, ascending: such a cursor stands at the first row younger than its offset.
        marks: the cursors of all other windows, numbered on: (kind of window, its span, its count, word of its `where` or -1, word of
            the head that counts its rows or -1, first and end of its zone's changes, calendar unit).
        passes: (cursor, unit, +1 enters or -1 leaves) in the order of cursors; `pass_ends` bounds those of a cursor.
        units: (kind, column, first word in the head, index among its like or -1, head cursor or -1, tail cursor or -1, column of
            `where` or -1, half-life or tick, threshold, reach or 0 without an end, word of the head with the time from which it knows
            all rows or -1). Columns count in words from the row's first word.
        live: units without delay, which take in the current event.
        outputs: (unit, code, 1 if before the current event).
        scales: divides the output.
        links: columns that the kernel fills in: (origin, column, base column, column of `where` or -1, column of its PREVIOUS).
        changes, shifts: of the zones, see `zone_table`.
        numbers: [is_user, columns of a row, first retained number, lateness, keep, dedupe, retention, reach, first word of the head
            that tells up to when a column is unknown, 1 if some window has no end or one that only retention sets, windows that count
            values, windows that rank them, rows at most, rows that windows are turned back over at most].
    """

    offsets: Int64s
    marks: Int64s
    passes: Int64s
    pass_ends: Int64s
    units: Int64s
    live: Int64s
    outputs: Int64s
    scales: Float64s
    links: Int64s
    changes: Int64s
    shifts: Int64s
    numbers: Int64s
