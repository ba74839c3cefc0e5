"""How far a zone's clocks are from UTC."""

import re
import zoneinfo
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

QUARTER_US = 900_000_000
_OFFSETS_MAX = 100_000
_FIXED = re.compile(r"([+-]?)([0-9]{1,2}):([0-9]{2})")
_MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownZone(ValueError):  # noqa: N818 - what the user reads is a refusal
    """Neither an IANA name nor an offset such as +02:00."""


@dataclass(frozen=True)
class Zone:
    """A zone by its IANA name, or by a fixed offset such as ``-02:30``.

    Raises:
        UnknownZone: there is no such zone.
    """

    name: str
    _fixed_us: int | None = field(init=False, repr=False, compare=False, default=None)
    _offsets_us: dict[int, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        fixed = _FIXED.fullmatch(self.name)
        if fixed:
            minutes = int(fixed[2]) * 60 + int(fixed[3])
            object.__setattr__(self, "_fixed_us", (-minutes if fixed[1] == "-" else minutes) * _MINUTE_US)
        elif self.name == "UTC":
            object.__setattr__(self, "_fixed_us", 0)
        else:
            try:
                zoneinfo.ZoneInfo(self.name)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise UnknownZone(self.name) from error

    def local_us(self, times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the zone's clocks show, as microseconds since their own 1970. Zones change at whole quarters of an hour."""
        if self._fixed_us is not None:
            return times_us + self._fixed_us
        quarters, at = np.unique(times_us // QUARTER_US, return_inverse=True)
        if len(self._offsets_us) > _OFFSETS_MAX:
            self._offsets_us.clear()
        offsets = np.array([self._offset_us(quarter) for quarter in quarters.tolist()], dtype=np.int64)
        return times_us + offsets[at.reshape(times_us.shape)]

    def _offset_us(self, quarter: int) -> int:
        offset_us = self._offsets_us.get(quarter)
        if offset_us is None:
            offset_us = self._offsets_us[quarter] = _offset_at(quarter, zoneinfo.ZoneInfo(self.name))
        return offset_us


def _offset_at(quarter: int, zone: zoneinfo.ZoneInfo) -> int:
    try:
        shift = (_EPOCH + timedelta(microseconds=quarter * QUARTER_US)).astimezone(zone).utcoffset()
    except OverflowError:  # within a day of the first or the last year
        return 0
    return 0 if shift is None else shift // timedelta(microseconds=1)
