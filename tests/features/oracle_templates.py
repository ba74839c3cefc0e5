"""What every template means, over the rows of a view."""

import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from oracle_view import EARTH_RADIUS_KM, View, length_ms, local, place_of


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
