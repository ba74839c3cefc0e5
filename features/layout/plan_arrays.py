"""Defines the arrays of a plan, which drive the kernel.

They stand apart from `plan`, so that a change of schemas does not recompile kernels.
"""

from typing import NamedTuple

from foundation.number_arrays import Float64s, Int64s

KIND, COLUMN, WORD, AUX, HEAD, TAIL, WHERE, LENGTH, LIMIT, REACH, BEGAN, UNIT_COLUMNS = range(12)
MARK_KIND, MARK_SPAN, MARK_COUNT, MARK_WHERE, MARK_HELD, MARK_CHANGES, MARK_CHANGES_END, MARK_UNIT, MARK_COLUMNS = range(9)
LINK_ORIGIN, LINK_TO, LINK_OF, LINK_WHERE, LINK_PREVIOUS, LINK_COLUMNS = range(6)
IS_USER, STRIDE, FIRST_NUMBER, LATENESS, KEEP, DEDUPE, RETENTION, REACH_MS, FIRST_UNKNOWN, MAY_END, COUNTED, RANKED = range(12)
EVENTS_MAX, REWIND_MAX = 12, 13


class PlanArrays(NamedTuple):
    """Holds what the kernel reads of a plan.

    Args:
        offsets: ascending offsets of the cursors of sliding windows: such a cursor stands at the first row younger than its offset.
        marks: the non-sliding cursors, which belong to all other windows and are numbered after the sliding ones: (kind of window, its
            span, its count, cell of its `where` or -1, cell of the head that counts its rows or -1, first and end of its zone's changes,
            calendar unit).
        passes: (cursor, unit, +1 if rows enter or -1 if they leave) in the order of cursors; `pass_ends` bounds those of a cursor.
        units: (kind, column, first cell in the head, index in its group or -1, head cursor or -1, tail cursor or -1, column of `where` or
            -1, half-life or tick, threshold, reach or 0 without an end, cell of the head with the time from which it knows all rows or -1).
            Columns count in cells from the row's first cell.
        live: units without delay, which take in the current event.
        outputs: (unit, code, 1 if before the current event).
        scales: divisors of the outputs.
        links: columns that the kernel fills in: (origin, column, base column, column of `where` or -1, column of its PREVIOUS).
        changes, shifts: clock changes of the zones, see `zone_table`.
        numbers: [is_user, cells of a row, first retained number, lateness, keep, dedupe, retention, reach, first cell of the head that
            holds the time up to which a column is unknown, 1 if some window has no end or one that only retention sets, number of windows
            that count values, number of windows that rank them, maximum number of rows, maximum number of rows that windows are rewound
            over].
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
