"""Cursors of cases: the last row of a page, as a text that is opaque to its holder."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

import msgspec

from stores.casework.cases import TimelinePlace
from stores.decisions import bad_cursor

Place = TypeVar("Place")
QueuePlace = tuple[float, str]
AlertPlace = tuple[int, str]
EventPlace = tuple[int, str, str]
_queue_place = msgspec.msgpack.Decoder(QueuePlace).decode
_alert_place = msgspec.msgpack.Decoder(AlertPlace).decode
_event_place = msgspec.msgpack.Decoder(EventPlace).decode
_timeline_place = msgspec.msgpack.Decoder(TimelinePlace).decode


def cursor_of(place: QueuePlace | AlertPlace | EventPlace | TimelinePlace) -> str:
    """Encodes a place as a text."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode()


def queue_place(cursor: str | None) -> QueuePlace | None:
    """Decodes a cursor of the queue; None stands for the first page.

    Raises:
        Refusal: it is none.
    """
    return None if cursor is None else _read(cursor, _queue_place)


def alert_place(cursor: str | None) -> AlertPlace | None:
    """Decodes a cursor of the alerts of a case, as `queue_place` does."""
    return None if cursor is None else _read(cursor, _alert_place)


def event_place(cursor: str | None) -> EventPlace | None:
    """Decodes a cursor of the events of a case, as `queue_place` does."""
    return None if cursor is None else _read(cursor, _event_place)


def timeline_place(cursor: str | None) -> TimelinePlace | None:
    """Decodes a cursor of a timeline, as `queue_place` does."""
    return None if cursor is None else _read(cursor, _timeline_place)


def _read(cursor: str, decode: Callable[[bytes], Place]) -> Place:
    try:
        return decode(base64.b64decode(cursor.encode(), b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise bad_cursor(cursor, "cursor") from error
