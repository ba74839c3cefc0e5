"""Which rows of a key a feature looks at."""

from dataclasses import dataclass

SLIDING, CALENDAR, SESSION, LAST, UNBOUNDED, DECAYED, TICKS = range(7)
CALENDAR_UNITS = ("hour", "day", "week", "month", "year")


@dataclass(frozen=True, slots=True)
class Window:
    """A window, as of an event at time t.

    Args:
        kind: SLIDING: rows with time in (t - delay - length, t - delay]. CALENDAR: rows in the same unit of a zone's calendar. A unit
            begins when clocks reach it for the last time: what they show before they are set back over its beginning is of the unit before.
            SESSION: rows back to the first pause longer than length. LAST: the newest `count` rows. UNBOUNDED: all rows ever.
            DECAYED: all rows, each half as heavy after every length. TICKS: all rows, told apart by ticks of length.
        length_ms: of a sliding window, the longest pause of a session, a half-life or a tick.
        delay_ms: of a sliding window.
        count: rows of LAST; threshold of TICKS.
        unit: of the calendar: hour, day, week (from Monday), month or year.
        zone: of the calendar, an IANA name.
    """

    kind: int
    length_ms: int = 0
    delay_ms: int = 0
    count: int = 0
    unit: str = ""
    zone: str = ""
