"""Reads a moment as a user writes it."""

import datetime

from foundation.refusal import Refusal


def moment_ms(text: str, where: str) -> int:
    """Returns a moment in milliseconds since the epoch; it is written as that number or as RFC 3339 with an offset.

    Raises:
        Refusal: the text is neither.
    """
    expected = "RFC 3339 with its offset, such as 2026-11-23T00:00:00Z, or ms since the epoch"
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal("bad time", where=where, expected=expected, got=text) from error
    if at.tzinfo is None:
        raise Refusal("time without offset", where=where, expected=expected, got=text)
    return (at - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(milliseconds=1)
