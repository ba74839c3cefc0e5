"""Encodes cursors: the last row of a page, as a text that is opaque to its holder."""

import base64
import binascii
from typing import TypeVar

import msgspec

from stores.decisions import bad_cursor

Place = TypeVar("Place")


class FlaggedPlace(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Holds the last row of a page of flagged decisions; a missing score is -1. Older cursors have no user."""

    score: float
    event_time: int
    event_id: str
    user: str = ""


class HistoryPlace(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Holds the last row of a page of an entity's history. Older cursors have no user."""

    event_time: int
    order: bytes
    revision: int
    user: str = ""


def cursor_of(place: FlaggedPlace | HistoryPlace) -> str:
    """Encodes `place` as a text."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode()


def flagged_place(cursor: str) -> FlaggedPlace:
    """Decodes a cursor of `Decisions.flagged`.

    Raises:
        Refusal: it is none.
    """
    return _place(cursor, FlaggedPlace, "cursor")


def history_place(cursor: str) -> HistoryPlace:
    """Decodes a cursor of `Decisions.of_entity`.

    Raises:
        Refusal: it is none.
    """
    return _place(cursor, HistoryPlace, "before")


def _place(cursor: str, shape: type[Place], where: str) -> Place:
    try:
        return msgspec.msgpack.decode(base64.b64decode(cursor.encode(), b"-_", validate=True), type=shape)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise bad_cursor(cursor, where) from error
