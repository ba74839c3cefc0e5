"""A frame is what one write adds to a log: records of one topic, with a length, checksums, a time and the ordinal of the first record.

A frame begins with `HEAD` and the topic's name, and a checksum of both stands in the head. The payload follows: of each record the lengths
of its parts (`_RECORD`), its key, its headers and its value. Numbers are little-endian. Checksums are zlib's CRC-32.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

HEAD = struct.Struct("<QqIIIBB2xI")
"""Ordinal of the first record, time in ms since the epoch, bytes of the payload, number of records, checksum of the payload, bytes of the
topic's name, 1 when another frame of the same batch follows, and the checksum of all these and of the topic's name."""
_RECORD = struct.Struct("<iIB")
"""Bytes of the value (-1 for none), bytes of the key, number of headers."""
_HEADER = struct.Struct("<BI")
_CHECKED = HEAD.size - 4
NO_VALUE = -1

Headers = Sequence[tuple[str, bytes]]


class Entry(NamedTuple):
    """A record to append: its topic's short name, key, value (None deletes the key from a compacted topic) and headers."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = ()


class LogRecord(NamedTuple):
    """A record that stands in a log; `ordinal` counts all records of the log from 0, `at_ms` is when it was appended."""

    ordinal: int
    at_ms: int
    topic: str
    key: bytes
    value: bytes | None
    headers: Headers


class FrameHead(NamedTuple):
    """What a frame says of itself. `size` counts all its bytes; `more` says that the next frame belongs to the same batch."""

    ordinal: int
    at_ms: int
    payload_bytes: int
    records: int
    checksum: int
    topic: str
    more: bool
    size: int


def encode_frame(ordinal: int, at_ms: int, topic: str, entries: Sequence[Entry], more: bool) -> tuple[FrameHead, bytes]:
    """The frame of `entries`, which all are of `topic`, with what its head says."""
    payload = b"".join([part for entry in entries for part in _record_parts(entry)])
    name = topic.encode()
    checksum = zlib.crc32(payload)
    head = HEAD.pack(ordinal, at_ms, len(payload), len(entries), checksum, len(name), more, 0)[:_CHECKED]
    said = FrameHead(ordinal, at_ms, len(payload), len(entries), checksum, topic, more, HEAD.size + len(name) + len(payload))
    return said, b"".join((head, zlib.crc32(name, zlib.crc32(head)).to_bytes(4, "little"), name, payload))


def read_head(data: bytes | memoryview, at: int) -> FrameHead | None:
    """The head of the frame at `at` of `data`; None where the head does not end within `data`.

    Raises:
        ValueError: what stands there is no head of a frame, or a damaged one.
    """
    if len(data) - at < HEAD.size:
        return None
    ordinal, at_ms, payload_bytes, count, checksum, name_bytes, more, own = HEAD.unpack_from(data, at)
    name_at = at + HEAD.size
    if len(data) - name_at < name_bytes:
        return None
    name = bytes(data[name_at : name_at + name_bytes])
    if zlib.crc32(name, zlib.crc32(data[at : at + _CHECKED])) != own or not count:
        raise ValueError("a head of a frame whose checksum is wrong")
    return FrameHead(ordinal, at_ms, payload_bytes, count, checksum, name.decode(), bool(more), HEAD.size + name_bytes + payload_bytes)


def read_payload(head: FrameHead, payload: bytes) -> list[LogRecord]:
    """The records of a frame.

    Raises:
        ValueError: the checksum is wrong.
    """
    if len(payload) != head.payload_bytes or zlib.crc32(payload) != head.checksum:
        raise ValueError("a payload whose checksum is wrong")
    records, at = [], 0
    for number in range(head.records):
        value_bytes, key_bytes, header_count = _RECORD.unpack_from(payload, at)
        at += _RECORD.size
        key = payload[at : at + key_bytes]
        at += key_bytes
        headers: list[tuple[str, bytes]] = []
        for _ in range(header_count):
            name_bytes, bytes_ = _HEADER.unpack_from(payload, at)
            name_at = at + _HEADER.size
            at = name_at + name_bytes + bytes_
            headers.append((payload[name_at : name_at + name_bytes].decode(), payload[name_at + name_bytes : at]))
        value = None
        if value_bytes != NO_VALUE:
            value = payload[at : at + value_bytes]
            at += value_bytes
        records.append(LogRecord(head.ordinal + number, head.at_ms, head.topic, key, value, headers))
    return records


def _record_parts(entry: Entry) -> list[bytes]:
    value = entry.value
    parts = [_RECORD.pack(NO_VALUE if value is None else len(value), len(entry.key), len(entry.headers)), entry.key]
    for name, content in entry.headers:
        encoded = name.encode()
        parts += (_HEADER.pack(len(encoded), len(content)), encoded, content)
    if value is not None:
        parts.append(value)
    return parts
