"""Readings of one kind of entity, compiled to the arrays that drive the kernel."""

from dataclasses import dataclass, field
from typing import NamedTuple

from features.batch import Float64s, Int64s
from features.layout import LONG_AGO
from features.row_column import RowColumn
from features.schema import Schema

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


class Carried(NamedTuple):
    """Words of a head that no retained row can give again: those of windows without an end.

    Args:
        key: of what they hold; equal in any plan.
        word: the first.
        words: how many.
    """

    key: str
    word: int
    words: int


@dataclass(frozen=True)
class Plan:
    """A compiled set of readings.

    Args:
        kind: of entity.
        is_user: the primary entity: its history also remembers what was decided, and judges lateness.
        columns: of a retained row.
        width: outputs.
        head_words: of one entity's head.
        extremes: min and max windows.
        ranked: windows with ranks.
        counted: windows that count values.
        carried: see there.
        layout: hash of all that the bytes of a head depend on.
        schema: of the events.
        began_ms: since when entities of this kind have profiles; what they did before is not known.
    """

    kind: str
    is_user: bool
    columns: tuple[RowColumn, ...]
    arrays: PlanArrays = field(repr=False)
    width: int
    head_words: int
    extremes: int
    ranked: int
    counted: int
    carried: tuple[Carried, ...]
    layout: int
    schema: Schema = field(repr=False)
    began_ms: int = LONG_AGO

    @property
    def keep_ms(self) -> int:
        """How long a row may be asked for after its event's time."""
        return int(self.arrays.numbers[KEEP])

    @property
    def row_words(self) -> int:
        """64-bit words of one retained event."""
        return int(self.arrays.numbers[1])

    @property
    def cursors(self) -> int:
        """Places in history that move with the newest event."""
        return len(self.arrays.offsets) + len(self.arrays.marks)
