"""Defines windows: which rows of a key a feature reads."""

from dataclasses import dataclass

SLIDING, CALENDAR, SESSION, LAST, UNBOUNDED, DECAYED, TICKS = range(7)
CALENDAR_UNITS = ("hour", "day", "week", "month", "year")


@dataclass(frozen=True, slots=True)
class Window:
    """Describes a window as of an event at time t.

    Args:
        kind: SLIDING: rows with time in (t - delay - length, t - delay]. CALENDAR: rows in the same unit of a zone's calendar. A unit
            begins when clocks reach it for the last time: times before clocks are set back over its beginning belong to the unit before.
            SESSION: rows back to the first pause longer than length. LAST: the newest `count` rows. UNBOUNDED: all rows ever.
            DECAYED: all rows, each half as heavy after every length. TICKS: all rows, told apart by ticks of length.
        length_ms: length of a sliding window, longest pause of a session, half-life, or length of a tick.
        delay_ms: time by which a sliding window ends before the event.
        count: number of rows of LAST; threshold of TICKS.
        unit: calendar unit: hour, day, week (from Monday), month or year.
        zone: zone of the calendar, an IANA name.
    """

    kind: int
    length_ms: int = 0
    delay_ms: int = 0
    count: int = 0
    unit: str = ""
    zone: str = ""
