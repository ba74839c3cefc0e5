"""Contributions of a decision as a waterfall: each bar begins where the one before has ended."""

from collections.abc import Mapping, Sequence

import msgspec

WIDTH = 320.0
ROW = 22
SHOWN_MAX = 12


class Bar(msgspec.Struct, frozen=True):
    """A bar: the name of an input, what it adds, and from where to where it goes in units of the drawing."""

    name: str
    value: float
    x: float
    width: float
    y: int


def waterfall(contributions: Mapping[str, float]) -> Sequence[Bar]:
    """The greatest `SHOWN_MAX` contributions by size, greatest first; the others are one bar at the end."""
    ordered = sorted(((name, value) for name, value in contributions.items() if value), key=lambda pair: -abs(pair[1]))
    shown, rest = ordered[:SHOWN_MAX], ordered[SHOWN_MAX:]
    if rest:
        shown.append((f"{len(rest)} others", sum(value for _, value in rest)))
    ends, at = [], 0.0
    for _, value in shown:
        ends.append((at, at + value))
        at += value
    least, greatest = min([0.0, *(min(pair) for pair in ends)]), max([0.0, *(max(pair) for pair in ends)])
    scale = WIDTH / (greatest - least or 1.0)
    return [
        Bar(name, value, round((min(pair) - least) * scale, 1), max(round(abs(value) * scale, 1), 1.0), ROW * number)
        for number, ((name, value), pair) in enumerate(zip(shown, ends, strict=True))
    ]
