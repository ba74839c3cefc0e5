"""Tables of a zone's clock changes, and the calendar unit of a time by them, for compiled code."""

import zoneinfo
from datetime import UTC, datetime
from functools import cache

import numpy as np

from foundation.compiled import inner
from foundation.number_arrays import Int64s

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HOUR, DAY, WEEK, MONTH, YEAR = range(5)
SET_BACK_MAX_MS = 7 * HOUR_MS
"""The most by which clocks were set back since 1970: Antarctica/Vostok, in 1994."""
LONGEST_MS = tuple(length_ms + SET_BACK_MAX_MS for length_ms in (HOUR_MS, DAY_MS, 7 * DAY_MS, 31 * DAY_MS, 366 * DAY_MS))
"""The longest length of each calendar unit."""
_FIRST_DAY, _END_DAY = -1, 47_500
_THURSDAY = 3


@cache
def zone_changes(zone: str) -> tuple[Int64s, Int64s]:
    """Returns the times (ms) from which each shift from UTC (ms) holds, from 1970 to 2100; both arrays ascend and have one length.

    They come from daily samples, and bisection between two that differ: two changes within a day that cancel are not seen.
    """
    info = zoneinfo.ZoneInfo(zone)
    starts, shifts = [-(1 << 62)], [_shift_ms(info, _FIRST_DAY * DAY_MS)]
    for day in range(_FIRST_DAY + 1, _END_DAY):
        shift = _shift_ms(info, day * DAY_MS)
        if shift != shifts[-1]:
            low, high = (day - 1) * DAY_MS, day * DAY_MS
            while high - low > 1_000:
                middle = (low + high) // 2_000 * 1_000
                low, high = (low, middle) if _shift_ms(info, middle) == shift else (middle, high)
            starts.append(high)
            shifts.append(shift)
    return np.array(starts, dtype=np.int64), np.array(shifts, dtype=np.int64)


@cache
def unit_changes(zone: str, unit: int) -> tuple[Int64s, Int64s]:
    """Returns `zone_changes`, but clocks that are set back into a unit that had ended stand still in it until then.

    So a unit begins when the clocks reach it for the last time, and unit numbers never fall as time goes on: a day that
    clocks leave at one minute past midnight, and reach again an hour later, begins when they reach it again.
    """
    starts, shifts = zone_changes(zone)
    table = [(int(starts[0]), int(shifts[0]))]
    for before, change_ms, after in zip(shifts[:-1].tolist(), starts[1:].tolist(), shifts[1:].tolist(), strict=True):
        first_ms, end_ms = _local_unit(unit, change_ms + after)
        again_ms = end_ms - before  # the clocks leave the unit that they are set back into
        while again_ms < change_ms:
            table.append((again_ms, first_ms - again_ms))
            again_ms += end_ms - first_ms
        table.append((change_ms, after))
    return np.array([start for start, _ in table], dtype=np.int64), np.array([shift for _, shift in table], dtype=np.int64)


def _local_unit(unit: int, local_ms: int) -> tuple[int, int]:
    """Returns start (inclusive) and end (exclusive) of the unit in which clocks show `local_ms`, in local time."""
    if unit in (MONTH, YEAR):
        first = np.datetime64(local_ms, "ms").astype("datetime64[M]" if unit == MONTH else "datetime64[Y]")
        first_ms, end_ms = (int(edge.astype("datetime64[ms]").astype(np.int64)) for edge in (first, first + 1))
        return first_ms, end_ms
    length_ms = (HOUR_MS, DAY_MS, 7 * DAY_MS)[unit]
    offset_ms = _THURSDAY * DAY_MS if unit == WEEK else 0
    first_ms = (local_ms + offset_ms) // length_ms * length_ms - offset_ms
    return first_ms, first_ms + length_ms


def _shift_ms(info: zoneinfo.ZoneInfo, time_ms: int) -> int:
    offset = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(info).utcoffset()
    return round(offset.total_seconds() * 1000) if offset else 0


@inner
def unit_of(starts: Int64s, shifts: Int64s, first: int, end: int, unit: int, time_ms: int) -> int:
    """Returns the number of the calendar unit that holds `time_ms`, by the changes in [first, end); it grows with time."""
    while end - first > 1:
        middle = (first + end) >> 1
        if starts[middle] <= time_ms:
            first = middle
        else:
            end = middle
    local_ms = time_ms + shifts[first]
    if unit == HOUR:
        return int(local_ms // HOUR_MS)
    days = local_ms // DAY_MS
    if unit == DAY:
        return int(days)
    if unit == WEEK:
        return int((days + _THURSDAY) // 7)
    return month_of(days) if unit == MONTH else month_of(days) // 12


@inner
def month_of(days: int) -> int:
    """Returns the month since the year 0 of a day since 1970 (Hinnant, the inverse of days_from_civil)."""
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153
    year = year_of_era + era * 400
    return 12 * year + month + 2
