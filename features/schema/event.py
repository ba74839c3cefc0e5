"""One decoded event, as it travels between stages."""

import hashlib
import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

from foundation.number_arrays import Int64s

ADD, CORRECT, RETRACT = range(3)
OPERATIONS = {"add": ADD, "correct": CORRECT, "retract": RETRACT}
"""What an event's field ``op`` may say: it is new, it replaces an earlier one, or it takes an earlier one back."""


class Event(msgspec.Struct, gc=False):
    """An event that fits its schema.

    Args:
        id: as text; unique per user.
        id_key: the integer id itself, or 64 bits of the text's hash.
        order: sorts events of one time bytewise: an integer id as 8 big-endian bytes with the sign flipped, else UTF-8.
        time_ms: event time since the epoch.
        user: id of the primary entity.
        entities: ids of the further entities in the schema's order; '' where absent.
        numbers: float64 little-endian in the order of `Schema.columns`; decimals in minor units; NaN where absent.
        texts: string fields in the order of `Schema.texts`.
        body_key: CRC-32 of the original bytes: tells another body under a used id.
        arrived_ms: clock time at which it came in.
        reply: API instance that waits for the decision; '' when nobody does.
        op: `ADD`, `CORRECT` or `RETRACT`. The last two carry id, user, entities and time of the event that they mean.
    """

    id: str
    id_key: int
    order: bytes
    time_ms: int
    user: str
    entities: list[str]
    numbers: bytes
    texts: list[str | None]
    body_key: int
    arrived_ms: int
    reply: str = ""
    op: int = ADD


def id_key_of(id: str, integer: bool) -> int:
    """64-bit identity of an event's id: the integer itself, or the first 8 bytes of BLAKE2b of the text, as a signed number."""
    return int(id) if integer else int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "little", signed=True)


def user_keys(users: Sequence[str]) -> Int64s:
    """32 bits that stand for each user beside the ids of events: two events of one id, time and shop are taken for one with a
    probability of 2**-32. About 0.1 µs a user."""
    return np.fromiter(map(zlib.crc32, map(str.encode, users)), np.int64, len(users))
