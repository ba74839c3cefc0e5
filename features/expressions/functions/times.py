"""Timestamps and durations in microseconds: their parts, texts and ranges."""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column, Fault
from features.expressions.functions.types import Type
from features.expressions.functions.zones import Zone

_Int64s = NDArray[np.int64]
MILLISECOND_US = 1_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
TIMESTAMP_MIN_US = -62_135_596_800 * SECOND_US
TIMESTAMP_MAX_US = 253_402_300_800 * SECOND_US - 1
DURATION_MAX_US = ((1 << 63) - 1) // 1_000
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_TIMESTAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_DURATION = re.compile(r"[+-]?(?:(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:h|ms|m|s|us|ns))+")
_DURATION_PART = re.compile(r"([0-9]*)\.?([0-9]*)(h|ms|m|s|us|ns)")
_UNITS_NS = {"h": HOUR_US * 1_000, "m": MINUTE_US * 1_000, "s": SECOND_US * 1_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FRACTION_DIGITS = 6


@dataclass(frozen=True)
class PartOfTime:
    """Computes a part of the calendar or clock at a timestamp, in a zone."""

    part: Callable[[Any], Any]
    zone: Zone

    def __call__(self, column: Column) -> Column:
        """Returns the part at each time."""
        return Column(Type.INT, np.asarray(self.part(self.zone.local_us(column.values))), column.faults)


def full_year(local_us: _Int64s) -> _Int64s:
    """Returns the year."""
    year: _Int64s = _dates(local_us).astype("datetime64[Y]").astype(np.int64) + 1970
    return year


def month(local_us: _Int64s) -> _Int64s:
    """Returns the month, 0 to 11."""
    return _dates(local_us).astype("datetime64[M]").astype(np.int64) % 12


def day_of_month(local_us: _Int64s) -> _Int64s:
    """Returns the day of the month, 0 to 30."""
    dates = _dates(local_us)
    day: _Int64s = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return day


def date(local_us: _Int64s) -> _Int64s:
    """Returns the day of the month, 1 to 31."""
    return day_of_month(local_us) + 1


def day_of_year(local_us: _Int64s) -> _Int64s:
    """Returns the day of the year, 0 to 365."""
    dates = _dates(local_us)
    day: _Int64s = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return day


def day_of_week(local_us: _Int64s) -> _Int64s:
    """Returns the day of the week, 0 for Sunday to 6."""
    return (local_us // DAY_US + 4) % 7  # 1 January 1970 was a Thursday


def hours(local_us: _Int64s) -> _Int64s:
    """Returns the hour, 0 to 23."""
    return local_us // HOUR_US % 24


def minutes(local_us: _Int64s) -> _Int64s:
    """Returns the minute, 0 to 59."""
    return local_us // MINUTE_US % 60


def seconds(local_us: _Int64s) -> _Int64s:
    """Returns the second, 0 to 59."""
    return local_us // SECOND_US % 60


def milliseconds(local_us: _Int64s) -> _Int64s:
    """Returns the millisecond, 0 to 999."""
    return local_us // MILLISECOND_US % 1_000


def whole_hours(duration_us: _Int64s) -> _Int64s:
    """Returns the whole duration in hours, cut towards zero."""
    return _cut(duration_us, HOUR_US)


def whole_minutes(duration_us: _Int64s) -> _Int64s:
    """Returns the whole duration in minutes, cut towards zero."""
    return _cut(duration_us, MINUTE_US)


def whole_seconds(duration_us: _Int64s) -> _Int64s:
    """Returns the whole duration in seconds, cut towards zero."""
    return _cut(duration_us, SECOND_US)


def rest_milliseconds(duration_us: _Int64s) -> _Int64s:
    """Returns the milliseconds of a duration beyond its whole seconds."""
    return _cut(np.fmod(duration_us, SECOND_US), MILLISECOND_US)


def seconds_of_timestamp(times_us: _Int64s) -> _Int64s:
    """Returns seconds since the epoch, rounded down."""
    return times_us // SECOND_US


def timestamp_of_seconds(values: _Int64s) -> tuple[_Int64s, NDArray[np.bool_]]:
    """Returns timestamps, and where they lie outside the years 1 to 9999."""
    bad = (values < TIMESTAMP_MIN_US // SECOND_US) | (values > TIMESTAMP_MAX_US // SECOND_US)
    return np.where(bad, 0, values) * SECOND_US, bad


def timestamp_of_text(text: str) -> int | Fault:
    """Reads a date and time in RFC 3339, at most to the microsecond."""
    match = _TIMESTAMP.fullmatch(text)
    fraction = match[3][1:].rstrip("0") if match and match[3] else ""
    if not match or len(fraction) > _FRACTION_DIGITS:
        return Fault.NOT_CONVERTIBLE
    zone = "+00:00" if match[4] in "Zz" else match[4]
    try:
        time_us = (datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}") - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return Fault.NOT_CONVERTIBLE
    time_us += int(fraction.ljust(_FRACTION_DIGITS, "0"))
    return time_us if TIMESTAMP_MIN_US <= time_us <= TIMESTAMP_MAX_US else Fault.OUT_OF_RANGE


def duration_of_text(text: str) -> int | Fault:
    """Reads numbers with units h, m, s, ms, us or ns in a row, such as ``1h30m`` or ``-1.5s``, at most to the microsecond."""
    if text in ("0", "+0", "-0"):
        return 0
    if not _DURATION.fullmatch(text):
        return Fault.NOT_CONVERTIBLE
    total_ns, unit = 0, 1
    for whole, part, name in _DURATION_PART.findall(text):
        unit = _UNITS_NS[name]
        total_ns += int(whole or 0) * unit + int(part or 0) * unit // 10 ** len(part)
    if total_ns // 1_000 > DURATION_MAX_US:
        return Fault.OUT_OF_RANGE
    if total_ns % 1_000:
        return Fault.NOT_CONVERTIBLE
    return -total_ns // 1_000 if text.startswith("-") else total_ns // 1_000


def text_of_timestamp(time_us: int) -> str:
    """Writes RFC 3339 in UTC, with 0, 3 or 6 digits of a second."""
    if not TIMESTAMP_MIN_US <= time_us <= TIMESTAMP_MAX_US:
        return ""
    second, rest_us = divmod(time_us, SECOND_US)
    whole = _EPOCH + datetime.timedelta(seconds=second)
    return f"{whole.replace(tzinfo=None).isoformat()}{_fraction(rest_us)}Z"


def text_of_duration(duration_us: int) -> str:
    """Writes seconds with 0, 3 or 6 digits after the point, and an s."""
    second, rest_us = divmod(abs(duration_us), SECOND_US)
    return f"{'-' if duration_us < 0 else ''}{second}{_fraction(rest_us)}s"


def _fraction(rest_us: int) -> str:
    if not rest_us:
        return ""
    return f".{rest_us // MILLISECOND_US:03d}" if rest_us % MILLISECOND_US == 0 else f".{rest_us:06d}"


def _dates(local_us: _Int64s) -> NDArray[np.datetime64]:
    return (local_us // DAY_US).astype("datetime64[D]")


def _cut(values: _Int64s, unit: int) -> _Int64s:
    whole: _Int64s = (values - np.fmod(values, unit)) // unit
    return whole
