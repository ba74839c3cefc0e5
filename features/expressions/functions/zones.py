"""Computes how far a zone's clocks are from UTC."""

import re
import zoneinfo
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

QUARTER_US = 900_000_000
SECOND_US = 1_000_000
_SHIFTS_MAX = 100_000
_CHANGING_US = 1 << 62
"""Marks a quarter of an hour within which the shift changes."""
_FIXED = re.compile(r"([+-]?)([0-9]{1,2}):([0-9]{2})")
_MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownZone(ValueError):  # noqa: N818 - what the user reads is a refusal
    """The zone is neither an IANA name nor an offset such as +02:00."""


@dataclass(frozen=True)
class Zone:
    """Describes a zone by its IANA name, or by a fixed offset such as ``-02:30``.

    Raises:
        UnknownZone: there is no such zone.
    """

    name: str
    fixed_us: int | None = field(init=False, repr=False, compare=False, default=None)
    _shifts_us: dict[int, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        fixed = _FIXED.fullmatch(self.name)
        if fixed:
            minutes = int(fixed[2]) * 60 + int(fixed[3])
            object.__setattr__(self, "fixed_us", (-minutes if fixed[1] == "-" else minutes) * _MINUTE_US)
        elif self.name == "UTC":
            object.__setattr__(self, "fixed_us", 0)
        else:
            try:
                zoneinfo.ZoneInfo(self.name)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise UnknownZone(self.name) from error

    def local_us(self, times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns local times [n]: microseconds since the zone's clocks showed the beginning of 1970."""
        return times_us + self.shift_us(times_us)

    def shift_us(self, times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns [n] how far the zone's clocks are ahead of UTC in microseconds, exact to the second of a change.

        Each quarter of an hour is looked up once at either end; if clocks change within it, each of its seconds is looked up.
        """
        if self.fixed_us is not None:
            shifts_us = np.empty_like(times_us)
            shifts_us.fill(self.fixed_us)
            return shifts_us
        shifts_us = self._looked_up(times_us // QUARTER_US)
        changing = np.flatnonzero(shifts_us == _CHANGING_US)
        if len(changing):
            seconds = times_us.ravel()[changing] // SECOND_US
            shifts_us[changing] = [_shift_at(second * SECOND_US, zoneinfo.ZoneInfo(self.name)) for second in seconds.tolist()]
        return shifts_us.reshape(times_us.shape)

    def _looked_up(self, quarters: NDArray[np.int64]) -> NDArray[np.int64]:
        found, at = np.unique(quarters, return_inverse=True)
        if len(self._shifts_us) > _SHIFTS_MAX:
            self._shifts_us.clear()
        return np.array([self._shift_of_quarter(quarter) for quarter in found.tolist()], dtype=np.int64)[at.ravel()]

    def _shift_of_quarter(self, quarter: int) -> int:
        shift_us = self._shifts_us.get(quarter)
        if shift_us is None:
            zone = zoneinfo.ZoneInfo(self.name)
            shift_us, end_us = (_shift_at(time_us, zone) for time_us in (quarter * QUARTER_US, (quarter + 1) * QUARTER_US - SECOND_US))
            shift_us = self._shifts_us[quarter] = shift_us if shift_us == end_us else _CHANGING_US
        return shift_us


def _shift_at(time_us: int, zone: zoneinfo.ZoneInfo) -> int:
    try:
        shift = (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone).utcoffset()
    except OverflowError:  # the time is within a day of the first or the last year
        return 0
    return 0 if shift is None else shift // timedelta(microseconds=1)
