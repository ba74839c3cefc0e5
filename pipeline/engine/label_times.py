"""Checks the time from which a label is known; every door for labels makes the same checks."""

import datetime

from features.schema.decode import refuse_early
from features.schema.schema import LAST_TIME_MS
from foundation.refusal import Refusal

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EXPECTED = "ms since the epoch, or RFC 3339 with a zone"
WHERE = "label_time"


def label_time_ms(given: int | datetime.datetime, min_time_ms: int, latest_ms: int = LAST_TIME_MS) -> int:
    """Returns `given` in milliseconds since the epoch, from `min_time_ms` to `latest_ms` (both inclusive).

    Raises:
        Refusal: the time has no zone, or is out of that range.
    """
    if isinstance(given, datetime.datetime):
        if given.tzinfo is None:
            raise Refusal("time without a zone", where=WHERE, expected=_EXPECTED, got=given.isoformat())
        time_ms = (given - _EPOCH) // datetime.timedelta(milliseconds=1)
    else:
        time_ms = given
    if time_ms < min_time_ms:
        refuse_early(time_ms, given, WHERE, min_time_ms)
    if time_ms > latest_ms:
        raise Refusal("label time in the future", where=WHERE, expected=f"{_EXPECTED}, at most {latest_ms} ms", got=given)
    return time_ms


def early_label(time_ms: int, event_time_ms: int) -> Refusal:
    """Returns the refusal of a label that would be known before its event."""
    expected = f"a time from that of its event on, {event_time_ms} ms"
    return Refusal("label before its event", where=WHERE, expected=expected, got=time_ms)
