"""Records as they stand in a topic, as the jobs that deliver are handed them."""

import struct
from typing import NamedTuple

from pipeline.flink.frames import Bundle

_HEAD = struct.Struct("<iqqii")


class Placed(NamedTuple):
    """One record: its place, the broker's time in ms, key and value."""

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


def placed_of(bundle: Bundle) -> list[Placed]:
    """The records of a bundle, in order."""
    return [_placed(body) for body in bundle.bodies]


def _placed(body: memoryview) -> Placed:
    partition, offset, at_ms, topic_length, key_length = _HEAD.unpack_from(body)
    key_at = _HEAD.size + topic_length
    value_at = key_at + key_length
    return Placed(str(body[_HEAD.size : key_at], "utf-8"), partition, offset, at_ms, bytes(body[key_at:value_at]), bytes(body[value_at:]))
