"""Draws what is kept of a training as one picture: recall by false positives, precision by recall, and reliability."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

SIDE: Final = 260
"""Of each plot, in pixels."""
_GAP: Final = 60
_DECADES: Final = 4.0
_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_FALSE: Final = (0.0001, 0.001, 0.01, 0.1, 1.0)

Points = Sequence[Sequence[float]]


def picture_of(model: str, report: Mapping[str, Any]) -> str:
    """Returns an SVG of the three plots of a training's report; they are empty where it ranked nothing."""
    plots = report["quality"].get("plots", {"roc": [], "precision": [], "reliability": []})
    said = [(each["mean"], each["share"], each["low"], each["high"]) for each in plots["reliability"]]
    panels = [
        _panel("Recall by false positives", "share of legitimate events above (0.01 % to all)", [_decade(each) for each in _FALSE])
        + _line([(_decade(x), y) for x, y in plots["roc"]]),
        _panel("Precision by recall", "recall", _SHARES) + _line(plots["precision"]),
        _panel("Reliability", "score, and share of fraud with its interval", _SHARES)
        + _line([(0.0, 0.0), (1.0, 1.0)], "#bbb")
        + "".join(_whisker(mean, low, high) for mean, _, low, high in said)
        + _line([(mean, share) for mean, share, _, _ in said]),
    ]
    placed = "".join(f'<g transform="translate({_GAP + at * (SIDE + _GAP)} 60)">{panel}</g>' for at, panel in enumerate(panels))
    width, height = _GAP + len(panels) * (SIDE + _GAP), SIDE + 120
    title = f'<text x="{_GAP}" y="24" font-size="16">{html.escape(_title_of(model, report))}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{title}{placed}</svg>\n'
    )


def _title_of(model: str, report: Mapping[str, Any]) -> str:
    quality = report["quality"]
    return f"{model}: {quality['events']:,} events, {quality['frauds']:,} frauds, ranked before they were learned from"


def _decade(share: float) -> float:
    return max(0.0, 1.0 + math.log10(max(share, 1e-9)) / _DECADES)


def _panel(title: str, below: str, ticks: Sequence[float]) -> str:
    grid = "".join(f'<path d="M{x * SIDE:.1f} 0V{SIDE}" stroke="#eee"/>' for x in ticks)
    grid += "".join(
        f'<path d="M0 {(1 - y) * SIDE:.1f}H{SIDE}" stroke="#eee"/><text x="-6" y="{(1 - y) * SIDE + 4:.1f}" text-anchor="end">{y:g}</text>'
        for y in _SHARES
    )
    frame = f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="#888"/>'
    return f'{grid}{frame}<text y="-10" font-weight="bold">{title}</text><text y="{SIDE + 22}">{below}</text>'


def _line(points: Points, colour: str = "#1a56a0") -> str:
    if not points:
        return ""
    path = " ".join(f"{x * SIDE:.1f},{(1.0 - y) * SIDE:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _whisker(x: float, low: float, high: float) -> str:
    return f'<path d="M{x * SIDE:.1f} {(1 - low) * SIDE:.1f}V{(1 - high) * SIDE:.1f}" stroke="#1a56a0" stroke-width="4" opacity="0.25"/>'
