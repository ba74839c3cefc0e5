"""Defines units: the state that one window over one column keeps, and the readings that it serves."""

import enum
from collections.abc import Sequence
from typing import NamedTuple

from features.definitions.aggregate import Code, Reading
from features.definitions.window import Window
from features.layout.layout import BURST_WORDS, DECAYED_WORDS, VALUE_WORDS


class UnitKind(enum.IntEnum):
    """Names the state of a unit, and what it does when a row enters or leaves."""

    COUNT = 0
    SUM = 1
    MOMENTS = 2
    LABELS = 3
    MIN = 4
    MAX = 5
    FIRST = 6
    LAST = 7
    VALUES = 8
    RANKS = 9
    DECAYED = 10
    BURST = 11


EXTREMES = (UnitKind.MIN, UnitKind.MAX)
UNIT_WORDS = {
    UnitKind.COUNT: 1,
    UnitKind.SUM: 3,
    UnitKind.MOMENTS: 5,
    UnitKind.LABELS: 3,
    UnitKind.MIN: 0,
    UnitKind.MAX: 0,
    UnitKind.FIRST: 3,
    UnitKind.LAST: 3,
    UnitKind.VALUES: VALUE_WORDS,
    UnitKind.RANKS: 1,
    UnitKind.DECAYED: 2 * DECAYED_WORDS,
    UnitKind.BURST: 2 * BURST_WORDS,
}
"""The cells of each kind. The second half of a burst and of decayed sums is their state after the evicted rows."""
EVICTED_WORDS = {UnitKind.MIN: 2, UnitKind.MAX: 2, UnitKind.LAST: 2}
"""More cells of a window without an end, about evicted rows: how many had a value, and the least; or the newest value and its time."""

_OF = {
    Code.COUNT: UnitKind.COUNT,
    Code.SUM: UnitKind.SUM,
    Code.MEAN: UnitKind.SUM,
    Code.STD: UnitKind.MOMENTS,
    Code.MIN: UnitKind.MIN,
    Code.MAX: UnitKind.MAX,
    Code.LABEL_COUNT: UnitKind.LABELS,
    Code.LABEL_RATE: UnitKind.LABELS,
    Code.LABELLED_RATE: UnitKind.LABELS,
    Code.LABELLED_COUNT: UnitKind.LABELS,
    Code.LAST: UnitKind.LAST,
    Code.LAST_AGE: UnitKind.LAST,
    Code.FIRST: UnitKind.FIRST,
    Code.FIRST_AGE: UnitKind.FIRST,
    Code.DISTINCT: UnitKind.VALUES,
    Code.TOP: UnitKind.VALUES,
    Code.OWN: UnitKind.VALUES,
    Code.ENTROPY: UnitKind.VALUES,
    Code.LESS: UnitKind.RANKS,
    Code.EQUAL: UnitKind.RANKS,
    Code.EW_MEAN: UnitKind.DECAYED,
    Code.EW_STD: UnitKind.DECAYED,
    Code.BURST: UnitKind.BURST,
}
_SUMS = (UnitKind.COUNT, UnitKind.SUM, UnitKind.MOMENTS)


Family = tuple[UnitKind, str, Window, str]


class Unit(NamedTuple):
    """Describes one window over one column.

    Args:
        kind: the least state that serves all its readings.
        column, where: names of row columns; '' for none.
        window: the window whose rows it covers.
    """

    kind: UnitKind
    column: str
    window: Window
    where: str

    @property
    def group(self) -> str | None:
        """Returns the group of units that have arrays beside the head, in which they are numbered; None for others."""
        if self.kind in EXTREMES:
            return "extremes"
        return self.kind.name if self.kind in (UnitKind.VALUES, UnitKind.RANKS) else None

    @property
    def family(self) -> Family:
        """Returns what its readings have in common."""
        return _group(self.kind), self.column, self.window, self.where


def units_of(readings: Sequence[Reading]) -> list[Unit]:
    """Returns the units that serve `readings`, in order of first use."""
    kinds: dict[Family, UnitKind] = {}
    for reading in readings:
        key = family_of(reading)
        kinds[key] = max(kinds.get(key, UnitKind.COUNT), _OF[reading.code])
    return [Unit(kind, column, window, where) for (_, column, window, where), kind in kinds.items()]


def _group(kind: UnitKind) -> UnitKind:
    return UnitKind.MOMENTS if kind in _SUMS else kind


def family_of(reading: Reading) -> Family:
    """Returns what readings that share a unit have in common; see `Unit.family`."""
    return _group(_OF[reading.code]), reading.column, reading.window, reading.where
