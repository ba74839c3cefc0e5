"""Readings of one kind of entity, compiled to the arrays that drive the kernel."""

from dataclasses import dataclass, field
from typing import NamedTuple

from features.definitions.row_column import RowColumn
from features.layout.layout import LONG_AGO
from features.layout.plan_arrays import KEEP, PlanArrays
from features.schema.schema import Schema


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
