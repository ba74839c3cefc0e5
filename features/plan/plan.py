"""Holds the readings of one entity type, compiled to the arrays that drive the kernel."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from features.definitions.row_column import RowColumn
from features.definitions.row_values import RowValues
from features.layout.layout import LONG_AGO
from features.layout.plan_arrays import KEEP, PlanArrays
from features.schema.schema import Schema


class Carried(NamedTuple):
    """Names cells of a head that no retained row can restore: those of windows without an end.

    Args:
        key: identifies what they hold; it is equal in any plan.
        word: index of the first cell.
        words: number of cells.
    """

    key: str
    word: int
    words: int


@dataclass(frozen=True)
class Plan:
    """Holds a compiled set of readings.

    Args:
        kind: entity type.
        is_user: whether this is the primary entity: its history also remembers decisions, and decides whether an event is late.
        columns: columns of a retained row.
        width: number of outputs.
        head_words: number of 64-bit cells of one entity's head.
        extremes: number of min and max windows.
        ranked: number of windows that rank values.
        counted: number of windows that count values.
        carried: cells that no retained row can restore.
        layout: hash of everything that the bytes of a head depend on.
        schema: schema of the events.
        began_ms: time since which entities of this type have profiles; events before it are unknown.
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

    @cached_property
    def row_values(self) -> RowValues:
        """Returns what makes row values of events."""
        return RowValues(self.columns, self.schema)

    @property
    def keep_ms(self) -> int:
        """Returns how long a row is kept after its event's time, in ms."""
        return int(self.arrays.numbers[KEEP])

    @property
    def row_words(self) -> int:
        """Returns the number of 64-bit cells of one retained event."""
        return int(self.arrays.numbers[1])

    @property
    def cursors(self) -> int:
        """Returns the number of cursors, which are positions in history that move with the newest event."""
        return len(self.arrays.offsets) + len(self.arrays.marks)
