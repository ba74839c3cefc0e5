"""Bodies that Java writes and Python reads: raw records, records of any topic, control records, and what stands under an entity's key.

The writers are those of tests, trials and benchmarks, where Python stands in for Java.
"""

from typing import NamedTuple

from pipeline.wire.declaration import CONTROL_RECORD, KEYED_BODY, NO_TIME_MS, PLACED_RECORD, RAW_RECORD, Topic

RawRecord = tuple[int, int, int, int, str, bytes]
"""A record of the topic `events` as it came; a plain tuple, for one with names costs a twentieth of the decode stage.

It holds its partition and offset; the time of the record in ms since the epoch; the greatest event time that the partition had before it,
`NO_TIME_MS` where there was none; the API process that waits, '' where none does; and the event's bytes.
"""
_RAW, _RAW_SIZE = RAW_RECORD.unpack_from, RAW_RECORD.size


def read_raw_record(body: memoryview) -> RawRecord:
    """Takes a raw record apart. What is not UTF-8 in the reply address becomes U+FFFD, for the header may be anybody's."""
    partition, offset, at_ms, newest_ms, reply_length = _RAW(body)
    value_at = _RAW_SIZE + reply_length
    return partition, offset, at_ms, newest_ms, str(body[_RAW_SIZE:value_at], "utf-8", "replace"), bytes(body[value_at:])


def write_raw_record(
    value: bytes, partition: int = 0, offset: int = 0, at_ms: int = 0, newest_ms: int = NO_TIME_MS, reply: bytes = b""
) -> bytes:
    """A raw record as Java writes it; what the arguments mean is said of `RawRecord`."""
    return RAW_RECORD.pack(partition, offset, at_ms, newest_ms, len(reply)) + reply + value


class PlacedRecord(NamedTuple):
    """A record of any topic: its place, the broker's time in ms, key and value."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes
    value: bytes

    @property
    def place(self) -> str:
        """Topic and partition, as the stream is keyed."""
        return f"{self.topic}:{self.partition}"


def read_placed_record(body: memoryview) -> PlacedRecord:
    """Takes a record of any topic apart."""
    partition, offset, at_ms, topic_length, key_length = PLACED_RECORD.unpack_from(body)
    key_at = PLACED_RECORD.size + topic_length
    value_at = key_at + key_length
    topic = str(body[PLACED_RECORD.size : key_at], "utf-8")
    return PlacedRecord(topic, partition, offset, at_ms, bytes(body[key_at:value_at]), bytes(body[value_at:]))


def write_placed_record(record: PlacedRecord) -> bytes:
    """A record of any topic as Java writes it."""
    topic = record.topic.encode()
    head = PLACED_RECORD.pack(record.partition, record.offset, record.at_ms, len(topic), len(record.key))
    return head + topic + record.key + record.value


class ControlBody(NamedTuple):
    """A control record: its topic, its key, and its value; None where the key has no record any more."""

    topic: Topic
    key: bytes
    value: bytes | None


def read_control_record(body: memoryview) -> ControlBody:
    """Takes a control record apart."""
    letter, key_length = CONTROL_RECORD.unpack_from(body)
    value_at = CONTROL_RECORD.size + key_length
    key, there = bytes(body[CONTROL_RECORD.size : value_at]), chr(letter).islower()
    return ControlBody(Topic(chr(letter).lower()), key, bytes(body[value_at:]) if there else None)


def write_control_record(topic: str, key: bytes, value: bytes | None) -> bytes:
    """A control record as Java writes it; without a value, what says that the key has no record any more."""
    letter = topic if value is not None else topic.upper()
    return CONTROL_RECORD.pack(ord(letter), len(key)) + key + (value or b"")


def read_keyed_body(body: memoryview) -> tuple[bytes, memoryview]:
    """The entity's key, its type before its id, and what stands behind it: a label's JSON or a message body."""
    start = KEYED_BODY.size + KEYED_BODY.unpack_from(body)[0]
    return bytes(body[KEYED_BODY.size : start]), body[start:]


def write_keyed_body(key: bytes, rest: bytes) -> bytes:
    """The body of a label or a message, as Java writes it."""
    return KEYED_BODY.pack(len(key)) + key + rest
