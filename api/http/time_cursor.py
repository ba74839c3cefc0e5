"""Cursors of pages whose order is that of a time and an id, such as ``1795392000000.3f0c…``."""

import re

from stores.decisions import bad_cursor

_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9a-f]{32})", re.ASCII)


def cursor_at(at_ms: int, id: str) -> str:
    """Returns the cursor of a place: a time in ms since the epoch, and an id of 32 hexadecimal digits."""
    return f"{at_ms}.{id}"


def place_at(cursor: str | None) -> tuple[int, str] | None:
    """Returns the place that a cursor stands for; None where a caller has given none.

    Raises:
        Refusal: this is no such cursor.
    """
    if cursor is None:
        return None
    place = _CURSOR.fullmatch(cursor)
    if place is None:
        raise bad_cursor(cursor, "cursor")
    return int(place[1]), place[2]
