"""The rows that a feature looks at for one event, made anew from all that has arrived."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

EARTH_RADIUS_KM = 6371.0088
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
NEVER_CURRENT = ("previous", "is_new", "time_since_last", "z_score", "quantile_rank", "time_of_day", "geo_distance", "geo_speed")


class Said(NamedTuple):
    cel: str
    of: Callable[[dict[str, Any]], Any]


def length_ms(text: str) -> int:
    unit = text.lstrip("0123456789")
    return int(text.removesuffix(unit)) * UNITS_MS[unit]


def kind_of(definition: dict, user: str) -> str:
    entity = definition.get("entity", user)
    return entity if isinstance(entity, str) else "+".join(entity)


def key_of(kind: str, event: dict) -> str:
    parts = [event["fields"].get(part) or "" for part in kind.split("+")]
    return "\x1f".join(parts) if all(parts) else ""


def place_of(event: dict) -> tuple[int, int, int]:
    """Two users' events of one time and id are two, and stand as they came."""
    return event["time_ms"], event["id"], event.get("turn", 0)


def local(time_ms: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).astimezone(ZoneInfo(zone))


def calendar_unit(time_ms: int, unit: str, zone: str) -> tuple[int, ...]:
    at = local(time_ms, zone)
    if unit == "week":
        monday = at.date() - timedelta(days=at.weekday())
        return monday.year, monday.month, monday.day
    return (at.year, at.month, at.day, at.hour)[: ("year", "month", "day", "hour").index(unit) + 1]


class View:
    """One event and the rows of its window, oldest first."""

    def __init__(self, definition: dict, rows: list[dict], event: dict, oracle: Any) -> None:
        self.definition, self.all, self.event, self.oracle = definition, rows, event, oracle
        self.t = event["time_ms"]
        self.template = definition["template"]
        self.earlier = [row for row in rows if place_of(row) < place_of(event)]
        before = self.template in (*NEVER_CURRENT, "transition_surprise") or not definition.get("include_current", True)
        default = "unbounded"
        self.rows = self.inside(definition.get("window", default), self.earlier if before else [*self.earlier, event])

    def admits(self, row: dict) -> bool:
        where = self.definition.get("where")
        return where is None or where.of(row["fields"]) is True

    def inside(self, window: Any, upto: list[dict]) -> list[dict]:
        if isinstance(window, str) and window != "unbounded":
            window = {"length": window}
        if window == "unbounded":
            held = upto
        elif "length" in window:
            delay = length_ms(window["delay"]) if "delay" in window else 0
            newest, length = self.t - delay, length_ms(window["length"])
            held = [row for row in (self.all if delay else upto) if newest - length < row["time_ms"] <= newest]
        elif "calendar" in window:
            unit, zone = window["calendar"], window.get("zone", "UTC")
            held = [row for row in upto if calendar_unit(row["time_ms"], unit, zone) == calendar_unit(self.t, unit, zone)]
        elif "session" in window:
            held = self.session(length_ms(window["session"]), upto)
        else:
            retained = [row for row in upto if row["time_ms"] > self.t - self.oracle.retention_ms and self.admits(row)]
            held = retained[-window["last"] :]
        return [row for row in held if self.admits(row)]

    def session(self, gap_ms: int, upto: list[dict]) -> list[dict]:
        begins = following = self.event
        for row in reversed(self.earlier):
            if following["time_ms"] - row["time_ms"] > gap_ms or row["time_ms"] <= self.t - self.oracle.retention_ms:
                break
            begins = following = row
        return [row for row in upto if place_of(row) >= place_of(begins)]

    def value(self, row: dict, parameter: str = "value") -> Any:
        return self.definition[parameter].of(row["fields"])

    @property
    def own(self) -> Any:
        return self.value(self.event)

    @property
    def values(self) -> list[Any]:
        return [value for row in self.rows if (value := self.value(row)) is not None]

    def length(self, parameter: str, default: str) -> int:
        return length_ms(self.definition.get(parameter, default))
