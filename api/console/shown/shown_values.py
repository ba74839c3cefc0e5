"""Values as pages show them: times, spans, amounts, numbers, and texts that may be long or hostile.

A page has hundreds of them, and `Markup.format` takes three times as long as a text that is put together and marked.
"""

import datetime
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from api.console.shown.small_graphs import bars_of

TEXT_CHARACTERS_MAX = 200
"""Longer texts are cut in the middle of a page; their whole is in the title, up to `TITLE_CHARACTERS_MAX`."""
TITLE_CHARACTERS_MAX = 1_000
_SPANS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_DIGITS_MAX = 12
_LAST_MS = 253_402_300_799_999


def time_of(at_ms: int | None) -> Markup:
    """A time in ms since the epoch; the browser writes it in its own zone, and keeps UTC in its title."""
    if at_ms is None or not 0 <= at_ms <= _LAST_MS:
        return Markup("–")
    at = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).isoformat(" ", "milliseconds")
    day, clock = at[:10], at[11:23]
    return Markup(f'<time datetime="{day}T{clock}Z" title="{day} {clock[:8]} UTC">{day} {clock[:5]} UTC</time>')  # noqa: S704 - digits alone


def span_of(ms: float | None) -> str:
    """A length of time in its greatest unit, such as ``3 h``."""
    if ms is None:
        return "–"
    for size, unit in _SPANS:
        if abs(ms) >= size:
            return f"{ms / size:.0f} {unit}"
    return f"{ms:.0f} ms"


def amount_of(amount: float | None) -> str:
    """An amount of money with two digits, and commas between thousands, as in reasons."""
    return "–" if amount is None else f"{amount:,.2f}"


def number_of(value: object) -> str:
    """A number with two digits behind the point, or four significant ones below 1, without an exponent; other values as they are."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1 or not math.isfinite(value):
        return f"{value:,.2f}"
    digits = 3 - math.floor(math.log10(abs(value)))
    return f"{value:.{min(digits, _DIGITS_MAX)}f}".rstrip("0").rstrip(".")


def text_of(value: object, characters_max: int = TEXT_CHARACTERS_MAX) -> Markup:
    """A text of somebody else's: apart from the direction of what stands around it, and cut where it is long."""
    text = str(value)
    if len(text) <= characters_max:
        return Markup(f"<bdi>{escape(text)}</bdi>")  # noqa: S704 - what is put in is escaped, as below
    shown, whole = escape(text[:characters_max] + "…"), escape(text[:TITLE_CHARACTERS_MAX])
    return Markup(f'<bdi class="cut" title="{whole}">{shown}</bdi>')  # noqa: S704


def json_of(value: object) -> str:
    """A JSON value over several lines, as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def share_of(share: float | None, of_count: float | None = None) -> str:
    """A share as a percentage with three significant digits, ``–`` where nothing is known."""
    if share is None or of_count == 0:
        return "–"
    percent = 100.0 * share
    return "100 %" if percent >= 99.95 else f"{percent:.3g} %"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "time": time_of, "span": span_of, "amount": amount_of, "number": number_of, "text": text_of, "json": json_of, "escape": escape,
    "share": share_of, "bars": bars_of,
}  # fmt: skip
