"""Records of the log as the stages take them that archive and count: each with its place."""

from collections.abc import Iterable, Iterator

from pipeline.log.log_message import LogMessage
from pipeline.wire.bodies import PlacedRecord


def placed(messages: Iterable[LogMessage]) -> Iterator[PlacedRecord]:
    """Gives records that were read from a log."""
    for each in messages:
        yield PlacedRecord(each.topic(), each.partition(), each.offset(), each.timestamp()[1], each.key() or b"", each.value() or b"")
