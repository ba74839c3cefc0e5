"""Distributions of a day beside those of the weeks before, as bars that templates write as SVG."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 220.0, 56.0
_GAP = 0.12


class Pair(NamedTuple):
    """Two bars of one bin in a box of `WIDTH` × `HEIGHT`, whose origin is at the top left: that of before stands behind that of now.

    Args:
        x, width: of both.
        before_y, before_height, now_y, now_height: in the box.
        says: the bin and both shares in words.
    """

    x: float
    width: float
    before_y: float
    before_height: float
    now_y: float
    now_height: float
    says: str


class Row(NamedTuple):
    """A bin as a row of a table; shares are in [0, 1]."""

    values: str
    now: float
    before: float


def shown_of(drift: Mapping[str, Any]) -> Mapping[str, Any]:
    """A drift as the API tells it, with its bins as `rows` and as `pairs` of bars."""
    rows = rows_of(drift)
    return {**drift, "rows": rows, "pairs": pairs_of(rows)}


def rows_of(drift: Mapping[str, Any]) -> list[Row]:
    """The bins of a drift as the API tells it; the bin of missing values is left out where nothing is missing."""
    now, before = max(drift["events"], 1), max(drift["reference_events"], 1)
    return [
        Row(_values(each), each["events"] / now, each["reference_events"] / before)
        for each in drift["bins"]
        if not each["is_missing"] or each["events"] or each["reference_events"]
    ]


def pairs_of(rows: Sequence[Row]) -> list[Pair]:
    """The bars of `rows` from the left, the greatest as high as the box."""
    greatest = max((max(row.now, row.before) for row in rows), default=0.0)
    if greatest <= 0.0:
        return []
    step = WIDTH / len(rows)
    made = []
    for at, row in enumerate(rows):
        before, now = (round(HEIGHT * share / greatest, 2) for share in (row.before, row.now))
        box = (round(step * (at + _GAP / 2), 2), round(step * (1 - _GAP), 2))
        made.append(Pair(*box, round(HEIGHT - before, 2), before, round(HEIGHT - now, 2), now, row.values))
    return made


def _values(bin: Mapping[str, Any]) -> str:
    """Which values are in a bin, in words."""
    least, most = bin["least"], bin["most"]
    if bin["is_missing"]:
        return "missing"
    if least is None and most is None:
        return "any"
    if least is None:
        return f"below {most:.4g}"
    return f"{least:.4g} and more" if most is None else f"{least:.4g} to {most:.4g}"
