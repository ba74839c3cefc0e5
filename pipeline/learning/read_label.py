"""A record of the labels topic is decoded and checked here."""

import datetime

import msgspec

from features.schema.duplicate_keys import refuse_repeated_keys
from features.schema.label_sources import ANY_SOURCE, LabelSources
from features.schema.schema import MIN_TIME_MS
from foundation.refusal import Refusal
from pipeline.engine.label_times import label_time_ms
from pipeline.learning.label_record import USUAL_WEIGHT, ReadLabel
from stores.decisions import EventName

EVENT_ID_BYTES_MAX = 65_535
"""The greatest length of a key in Cassandra; a longer one makes the look-up fail for all ids of the same request."""
_KEYS_LEAST = 3  # a label has at least event_id, label and label_time


class Label(msgspec.Struct):
    """The value of a label's record; `pipeline.learning.label_record.ReadLabel` explains the fields."""

    event_id: str | int
    label: int
    label_time: int | str
    user: str | int | None = None
    by: str = ""
    source: str = ""
    weight: float = USUAL_WEIGHT


def read_label(value: bytes, min_time_ms: int = MIN_TIME_MS, sources: LabelSources = ANY_SOURCE) -> ReadLabel:
    """Decodes the value of a label's record; its time has to lie between `min_time_ms` (inclusive) and the end of the year 9999.

    Args:
        sources: say which sources are accepted.

    Raises:
        Refusal: the value is no label, or a field is out of its range.
    """
    try:
        read = msgspec.json.decode(value, type=Label)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad label", where="label", expected="{event_id, label: 0 or 1, label_time}", got=str(error)) from error
    refuse_repeated_keys(value, _KEYS_LEAST)
    if read.label not in (0, 1):
        raise Refusal("unknown label", where="label", expected="0 or 1", got=read.label)
    event_id = str(read.event_id)
    size = len(event_id.encode())
    if not 0 < size <= EVENT_ID_BYTES_MAX:
        raise Refusal("bad event id", where="event_id", expected=f"1 to {EVENT_ID_BYTES_MAX} bytes", got=f"{size} bytes")
    user = None if read.user is None else str(read.user)
    sources.check(read.source, read.weight)
    time_ms = label_time_ms(_moment(read.label_time), min_time_ms)
    return ReadLabel(EventName(event_id, user), read.label, time_ms, read.by, read.source, read.weight)


def _moment(given: int | str) -> int | datetime.datetime:
    if isinstance(given, int):
        return given
    try:
        return msgspec.convert(given, datetime.datetime)
    except msgspec.ValidationError as error:
        raise Refusal("bad time", where="label_time", expected="ms since the epoch, or RFC 3339 with a zone", got=given) from error
