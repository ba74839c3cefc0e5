"""Records of the log as the stages take them that archive and count: each with its place."""

from collections.abc import Iterable

from pipeline.log.log_consumer import LogMessage
from pipeline.wire.bodies import PlacedRecord, write_placed_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import Kind


def placed_bundle(messages: Iterable[LogMessage]) -> bytes:
    """Returns the bundle of records that were read from a log."""
    records = (
        PlacedRecord(each.topic(), each.partition(), each.offset(), each.timestamp()[1], each.key() or b"", each.value() or b"")
        for each in messages
    )
    return write_bundle(Kind.RAW, [write_placed_record(record) for record in records])
