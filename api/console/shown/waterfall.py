"""Contributions of a decision as a waterfall: each bar begins where the one before has ended."""

from collections.abc import Mapping, Sequence

import msgspec

WIDTH = 320.0
ROW = 22
SHOWN_MAX = 12
LEAST = 1e-9
"""Where all bars together are shorter than this, none of them is drawn longer than a stroke."""


class Contributions(msgspec.Struct, frozen=True):
    """What a score is made of, as a decision says it: `base` and all `inputs` add up to the score of `model` on `scale`."""

    model: str = ""
    scale: str = ""
    base: float = 0.0
    inputs: Mapping[str, float] = {}

    @property
    def total(self) -> float:
        """The score of the model."""
        return self.base + sum(self.inputs.values())


class Bar(msgspec.Struct, frozen=True):
    """A bar: the name of an input, what it adds, and from where to where it goes in units of the drawing."""

    name: str
    value: float
    x: float
    width: float
    y: int


def contributions_of(told: object) -> Contributions | None:
    """The contributions of a decision; None where it has none, or a record is damaged."""
    try:
        found = msgspec.convert(told, Contributions)
    except msgspec.ValidationError:
        return None
    return found if found.inputs else None


def waterfall(contributions: Contributions) -> Sequence[Bar]:
    """The `SHOWN_MAX` greatest inputs by size, greatest first, from the base on; the others are one bar at the end."""
    ordered = sorted(((name, value) for name, value in contributions.inputs.items() if value), key=lambda pair: -abs(pair[1]))
    shown, rest = ordered[:SHOWN_MAX], ordered[SHOWN_MAX:]
    if rest:
        shown.append((f"{len(rest)} others", sum(value for _, value in rest)))
    ends, at = [], 0.0
    for _, value in shown:
        ends.append((at, at + value))
        at += value
    least, greatest = min([0.0, *(min(pair) for pair in ends)]), max([0.0, *(max(pair) for pair in ends)])
    scale = WIDTH / max(greatest - least, LEAST)
    return [
        Bar(name, value, round((min(pair) - least) * scale, 1), max(round(abs(value) * scale, 1), 1.0), ROW * number)
        for number, ((name, value), pair) in enumerate(zip(shown, ends, strict=True))
    ]
