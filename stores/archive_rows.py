"""Rows of the archive: a record as it came from its topic, and a decision with the features that it was made from."""

import msgspec


class ArchivedRecord(msgspec.Struct, frozen=True, gc=False):
    """An event or a label as it came, whether it can be read or not.

    Args:
        partition, offset: its place in the topic, which names it: a record written twice is read once.
        arrived_ms: the record's own time in Kafka, ms since the epoch.
        key, value: bytes of the record; empty where it has none.
    """

    partition: int
    offset: int
    arrived_ms: int
    key: bytes
    value: bytes


class ArchivedDecision(msgspec.Struct, frozen=True, gc=False):
    """A decision as it was served.

    Args:
        partition, offset: its place in the topic, which names it.
        event_id: as text.
        revision: 0 for the event as it came, higher for corrections.
        event_time: ms since the epoch.
        user: of the event.
        score: 0 to 1; None when no model was ready.
        action: approve, review or block.
        release: that it was made by.
        features: each by name as it was then; None where it had no value.
        value: the whole decision as JSON.
    """

    partition: int
    offset: int
    event_id: str
    revision: int
    event_time: int
    user: str
    score: float | None
    action: str
    release: int
    features: dict[str, float | None]
    value: bytes
