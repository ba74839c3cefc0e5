"""A record of the labels topic has two forms: as it came from the broker, and as it was decoded."""

from typing import NamedTuple

import msgspec

from stores.decisions import EventName

USUAL_WEIGHT = 1.0
"""The weight of a label that none was given for: this very object, by which a record that is written tells that it may leave it out."""


class LabelRecord(msgspec.Struct, frozen=True):
    """A record of the labels topic.

    Args:
        place: ``topic/partition``.
        offset: of the record in its partition.
        at_ms: when the broker received it, in ms since the epoch.
        value: the bytes as they came.
    """

    place: str
    offset: int
    at_ms: int
    value: bytes


class ReadLabel(NamedTuple):
    """A label that was decoded.

    Args:
        event: the event that the label is about; its primary entity may be left out if only one has an event of that id.
        label: 1 for fraud, 0 for none.
        time_ms: time from which on the label was known, in ms since the epoch.
        by: the caller of the API who gave the label; '' if it was written to the topic past the API.
        source: where the label comes from, such as ``chargeback``; '' if it was not given. It ranks the label among others of its event,
            see `features.schema.label_sources`.
        weight: by how much the label teaches, where 1 is a usual label.
    """

    event: EventName
    label: int
    time_ms: int
    by: str = ""
    source: str = ""
    weight: float = USUAL_WEIGHT
