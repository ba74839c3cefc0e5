"""A record of the labels topic, as it came and as it was read."""

from typing import NamedTuple

import msgspec

from stores.decisions import EventName


class LabelRecord(msgspec.Struct, frozen=True):
    """A record of the labels topic; `place` is ``topic/partition``, `at_ms` when the broker had it."""

    place: str
    offset: int
    at_ms: int
    value: bytes


class ReadLabel(NamedTuple):
    """A label that was read.

    Args:
        event: that it is about; the user may be left out where one user alone has that id.
        label: 0 or 1.
        time_ms: from when on it is known.
        by: the caller who gave it; '' when it was written to the topic by somebody else than the API.
        source: what said so, such as ``chargeback``; '' when nobody told.
        weight: how much it counts beside others, as its source says; nothing reads it or `source` yet.
    """

    event: EventName
    label: int
    time_ms: int
    by: str = ""
    source: str = ""
    weight: float = 1.0
