"""Small graphs of bars as coordinates, which templates write as SVG: no style stands in a page."""

from collections.abc import Sequence
from typing import NamedTuple

BARS_MAX = 60
WIDTH, HEIGHT = 120.0, 24.0


class Bar(NamedTuple):
    """A bar in a box of `WIDTH` × `HEIGHT`, whose origin is at the top left."""

    x: float
    y: float
    width: float
    height: float


def bars_of(values: Sequence[float], highest: float | None = None) -> list[Bar]:
    """The newest `BARS_MAX` of `values` as bars from the left; one that is not 0 is seen.

    Args:
        highest: the value that is as high as the box, by default the greatest of them.
    """
    shown = values[-BARS_MAX:]
    greatest = max(shown, default=0.0) if highest is None else highest
    if greatest <= 0.0:
        return []
    step = WIDTH / max(len(shown), 14)
    heights = [max(HEIGHT * value / greatest, 1.0) if value > 0.0 else 0.0 for value in shown]
    return [Bar(*(round(each, 2) for each in (at * step, HEIGHT - height, step * 0.8, height))) for at, height in enumerate(heights)]
