"""Computes parts of the calendar at an event's time, in a zone."""

from dataclasses import dataclass, field

import numpy as np

from features.expressions.functions.zones import Zone
from foundation.number_arrays import Float64s, Int64s

HOUR_MS = 3_600_000
DAY_HOURS = 24
DAY_MS = DAY_HOURS * HOUR_MS
_PARTS = 32
"""Numbers of a part are from 0 on, and below this."""
RANGES = {"hour": (0, 23), "weekday": (0, 6), "weekend": (0, 1), "day": (1, 31), "month": (1, 12)}


@dataclass(frozen=True)
class Calendar:
    """Describes one calendar feature.

    Args:
        part: hour (0 to 23), weekday (0 is Monday), weekend (1 on Saturday and Sunday), day (of the month) or month.
        low, high: bounds, both inclusive, of a flag that is 1 within them (also around the turn when low > high); None for the number
            itself.
        zone: an IANA name of the zone.
    """

    part: str
    low: int | None = None
    high: int | None = None
    zone: str = "UTC"
    _zone: Zone = field(init=False, repr=False, compare=False)
    _values: Float64s = field(init=False, repr=False, compare=False)  # by number of the part: looking up costs less than comparing

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", Zone(self.zone))
        object.__setattr__(self, "_values", self._values_of(np.arange(_PARTS)))

    def values(self, times_ms: Int64s) -> Float64s:
        """Returns the feature [n] at each time in ms since the epoch."""
        return self._values.take(self._part(self.local_ms(times_ms)))

    def _values_of(self, part: Int64s) -> Float64s:
        if self.low is None or self.high is None:
            return part.astype(np.float64)
        if self.low <= self.high:
            return ((part >= self.low) & (part <= self.high)).astype(np.float64)
        return ((part >= self.low) | (part <= self.high)).astype(np.float64)

    def local_ms(self, times_ms: Int64s) -> Int64s:
        """Returns local times [n]: ms since the zone's clocks showed the beginning of 1970."""
        if self._zone.fixed_us is not None:
            return times_ms + self._zone.fixed_us // 1_000
        return times_ms + self._zone.shift_us(times_ms * 1_000) // 1_000

    def _part(self, local_ms: Int64s) -> Int64s:
        hours = local_ms // HOUR_MS
        if self.part == "hour":
            hour: Int64s = hours % DAY_HOURS
            return hour
        days: Int64s = hours // DAY_HOURS
        if self.part in ("weekday", "weekend"):
            weekday = (days + 3) % 7  # 1 January 1970 was a Thursday
            result: Int64s = weekday if self.part == "weekday" else (weekday >= 5).astype(np.int64)
            return result
        dates = days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]")
        part: Int64s = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
        return part if self.part == "day" else months.astype(np.int64) % 12 + 1
