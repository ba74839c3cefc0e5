"""What every template must give, made anew for each event from all that has arrived: the meaning of features, without their engine.

A definition is a dict as in features.yaml, in which `value`, `where`, `latitude` and `longitude` are `Said` (text and the same in
Python over an event's fields). Events are dicts of id, time_ms, fields (user and entities among them; None where missing) and op.
"""

import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
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


class Oracle:
    """Takes arrivals in their order. Text ids and whole-number ids sort alike here: ids are whole numbers."""

    def __init__(self, definitions: list[dict], user: str, lateness_ms: int, retention_ms: int) -> None:
        self.user, self.lateness_ms, self.retention_ms = user, lateness_ms, retention_ms
        self.definitions = definitions
        self.rows: dict[str, dict[str, dict[tuple[int, int], dict]]] = {}
        self.used: dict[tuple[str, int], dict] = {}
        self.labels: dict[tuple[str, int], tuple[int, int]] = {}

    def label(self, user: str, id: int, label: int, visible_ms: int) -> None:
        """One label an event."""
        assert (user, id) not in self.labels
        self.labels[user, id] = label, visible_ms

    def arrive(self, event: dict) -> tuple[str, dict[str, float | None]]:
        """What becomes of the event at its user, and its features."""
        kinds = dict.fromkeys([self.user, *(kind_of(definition, self.user) for definition in self.definitions)])
        fates = {kind: self.take_in(kind, event) for kind in kinds if key_of(kind, event)}
        features: dict[str, float | None] = {}
        for definition in self.definitions:
            kind = kind_of(definition, self.user)
            fate = fates.get(kind, "absent")
            unread = ("absent", "unknown", "retracted", *(("duplicate", "too late", "id reused") if kind == self.user else ()))
            features[definition["name"]] = None if fate in unread else self.feature(definition, kind, event)
        return fates[self.user], features

    def take_in(self, kind: str, event: dict) -> str:
        key, place, op = key_of(kind, event), place_of(event), event.get("op", "add")
        rows = self.rows.setdefault(kind, {}).setdefault(key, {})
        if op != "add":
            return self.change(kind, rows, event)
        if kind == self.user and (key, event["id"]) in self.used:
            return "duplicate" if self.used[key, event["id"]] == event else "id reused"
        newest_ms = max((time_ms for time_ms, _ in rows), default=0)  # what was retracted makes nothing late
        if kind == self.user and event["time_ms"] < newest_ms - self.lateness_ms:
            return "too late"
        if place in rows:
            return "duplicate"
        fate = "late" if rows and place < max(rows) else "scored"
        rows[place] = event
        if kind == self.user:
            self.used[key, event["id"]] = event
        return fate

    def change(self, kind: str, rows: dict, event: dict) -> str:
        place = place_of(event)
        if place not in rows:
            return "unknown"
        if event["op"] == "retract":
            del rows[place]
            return "retracted"
        if kind == self.user and rows[place] == event:
            return "duplicate"
        rows[place] = event
        return "corrected"

    def feature(self, definition: dict, kind: str, event: dict) -> float | None:
        rows = self.rows[kind][key_of(kind, event)]
        own = rows[place_of(event)]
        view = View(definition, [rows[place] for place in sorted(rows)], own, self)
        return TEMPLATES[definition["template"]](view)


def place_of(event: dict) -> tuple[int, int]:
    return event["time_ms"], event["id"]


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

    def __init__(self, definition: dict, rows: list[dict], event: dict, oracle: Oracle) -> None:
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


def mean_of(values: list[Any]) -> Fraction | None:
    return sum(map(Fraction, values), Fraction(0)) / len(values) if values else None


def variance_of(values: list[Any]) -> Fraction | None:
    mean = mean_of(values)
    return sum(((Fraction(value) - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1) if len(values) > 1 else None


def std_of(values: list[Any]) -> float | None:
    variance = variance_of(values)
    return None if variance is None else math.sqrt(variance)


def count(view: View) -> float:
    return len(view.values if "value" in view.definition else view.rows)


def top_share(view: View) -> float | None:
    counts = Counter(view.values)
    n = counts.total()
    if view.definition.get("of", "commonest") == "own":
        return counts[view.own] / n if n and view.own is not None else None
    return max(counts.values()) / n if n else None


def entropy(view: View) -> float | None:
    counts, n = Counter(view.values), len(view.values)
    return -math.fsum(c / n * math.log2(c / n) for c in counts.values()) if n else None


def z_score(view: View) -> float | None:
    std = std_of(view.values)
    return float(Fraction(view.own) - mean_of(view.values)) / std if std and view.own is not None else None


def quantile_rank(view: View) -> float | None:
    own, values = view.own, view.values
    if own is None or not values:
        return None
    return (sum(value < own for value in values) + sum(value == own for value in values) / 2) / len(values)


def decayed(view: View) -> tuple[list[float], list[float]]:
    half_life = length_ms(view.definition["half_life"])
    rows = [row for row in view.rows if view.value(row) is not None]
    newest_ms = max((row["time_ms"] for row in rows), default=view.t)  # a quotient of weights is the same as of any time; none underflows
    return [2.0 ** ((row["time_ms"] - newest_ms) / half_life) for row in rows], [float(view.value(row)) for row in rows]


def ew_mean(view: View) -> float | None:
    weights, values = decayed(view)
    return math.fsum(w * x for w, x in zip(weights, values, strict=True)) / math.fsum(weights) if values else None


def ew_std(view: View) -> float | None:
    weights, values = decayed(view)
    if len(values) < 2:
        return None
    mean = ew_mean(view)
    return math.sqrt(math.fsum(w * (x - mean) ** 2 for w, x in zip(weights, values, strict=True)) / math.fsum(weights))


def concentration(r: float) -> float:
    if r < 0.53:
        return 2 * r + r**3 + 5 * r**5 / 6
    if r < 0.85:
        return -0.4 + 1.39 * r + 0.43 / (1 - r)
    below = r**3 - 4 * r**2 + 3 * r
    return min(1 / below, 1000.0) if below > 0 else 1000.0


def time_of_day(view: View) -> float | None:
    def angle(row: dict) -> float:
        at = local(row["time_ms"], view.definition.get("zone", "UTC"))
        of_day_ms = ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000 + at.microsecond // 1_000
        return 2 * math.pi * of_day_ms / 86_400_000

    n = len(view.rows)
    if n < 2:
        return None
    c = math.fsum(math.cos(angle(row)) for row in view.rows) / n
    s = math.fsum(math.sin(angle(row)) for row in view.rows) / n
    return math.exp(concentration(math.hypot(c, s)) * (math.cos(angle(view.event) - math.atan2(s, c)) - 1))


def earlier_place(view: View) -> tuple[float, float] | None:
    """Kilometres and seconds from the newest row with a place."""

    def place(row: dict) -> tuple[Any, Any]:
        return view.value(row, "latitude"), view.value(row, "longitude")

    rows = [row for row in view.rows if None not in place(row)]
    if not rows or None in place(view.event):
        return None
    (a, b), (c, d) = ([math.radians(x) for x in place(row)] for row in (rows[-1], view.event))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h))), (view.t - rows[-1]["time_ms"]) / 1_000


def geo_distance(view: View) -> float | None:
    found = earlier_place(view)
    return found[0] if found else None


def geo_speed(view: View) -> float | None:
    found = earlier_place(view)
    return found[0] / max(found[1], 1.0) * 3_600 if found else None


def known_labels(view: View) -> list[int]:
    known = (view.oracle.labels.get((row["fields"][view.oracle.user], row["id"])) for row in view.rows)
    return [label for label, visible_ms in filter(None, known) if visible_ms <= view.t]


def label_rate(view: View) -> float | None:
    labels = known_labels(view)
    n = len(labels) if view.definition.get("of") == "labelled" else len(view.rows)
    prior = view.definition.get("prior", {"rate": 0, "weight": 0})
    return (sum(labels) + prior["rate"] * prior["weight"]) / (n + prior["weight"]) if n + prior["weight"] else None


def transition_surprise(view: View) -> float | None:
    def previous(row: dict) -> Any:
        of_row = [view.value(r) for r in view.all if place_of(r) < place_of(row) and view.admits(r) and view.value(r) is not None]
        return of_row[-1] if of_row else None

    smoothing, own, origin = view.definition.get("smoothing", 1), view.own, previous(view.event)
    # An event that fails `where` stands outside of the chain, as rows that fail it do.
    if own is None or origin is None or not view.admits(view.event):
        return None
    steps = [(previous(row), view.value(row)) for row in view.rows if view.value(row) is not None]
    starts = sum(start == origin for start, _ in steps)
    return -math.log2((steps.count((origin, own)) + smoothing) / (starts + smoothing * (len(set(view.values)) + 1)))


def burst(view: View) -> float:
    tick_ms, threshold = view.length("tick", "1m"), view.definition.get("threshold", 1_000)
    s = a = score = 0.0
    first = now = None
    for row in view.rows:
        tick = row["time_ms"] // tick_ms
        if first is None:
            first = now = tick
        if tick > now:
            t_old = now - first + 1
            s += a if score < threshold else (s / (t_old - 1) if t_old > 1 else 0.0)
            a *= 0.5
            now = tick
        a += 1
        t = now - first + 1
        score = 0.0 if s == 0 or t == 1 else (a + s - a * t) ** 2 / (s * (t - 1))
    return math.log1p(score)


def linked_count(view: View) -> float:
    of = view.definition.get("of", view.oracle.user)
    return len({row["fields"][of] for row in view.rows if row["fields"].get(of)})


def edge(view: View, at: int) -> float | None:
    return float(view.values[at]) if view.values else None


def seconds_to(view: View, at: int) -> float | None:
    return (view.t - view.rows[at]["time_ms"]) / 1_000 if view.rows else None


def mean(view: View) -> float | None:
    found = mean_of(view.values)
    return None if found is None else float(found)


TEMPLATES: dict[str, Callable[[View], float | None]] = {
    "count": count,
    "sum": lambda view: float(sum(map(Fraction, view.values), Fraction(0))),
    "mean": mean,
    "std": lambda view: std_of(view.values),
    "min": lambda view: float(min(view.values)) if view.values else None,
    "max": lambda view: float(max(view.values)) if view.values else None,
    "last": lambda view: edge(view, -1),
    "previous": lambda view: edge(view, -1),
    "first": lambda view: edge(view, 0),
    "distinct": lambda view: len(set(view.values)),
    "top_share": top_share,
    "is_new": lambda view: None if view.own is None else float(view.own not in view.values),
    "entropy": entropy,
    "time_since_last": lambda view: seconds_to(view, -1),
    "age": lambda view: seconds_to(view, 0),
    "rate": lambda view: count(view) / (length_ms(view.definition["window"]) / view.length("per", "1h")),
    "z_score": z_score,
    "quantile_rank": quantile_rank,
    "ew_mean": ew_mean,
    "ew_std": ew_std,
    "time_of_day": time_of_day,
    "geo_distance": geo_distance,
    "geo_speed": geo_speed,
    "label_count": lambda view: sum(known_labels(view)),
    "label_rate": label_rate,
    "transition_surprise": transition_surprise,
    "burst": burst,
    "linked_count": linked_count,
}
