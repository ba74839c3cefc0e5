"""A decoded event, as it travels between stages."""

import hashlib
import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

from foundation.number_arrays import Int64s

ADD, CORRECT, RETRACT = range(3)
OPERATIONS = {"add": ADD, "correct": CORRECT, "retract": RETRACT}
"""Values of an event's field ``op``: it is new, corrects an earlier event, or retracts one."""


class Event(msgspec.Struct, gc=False):
    """Holds an event that fits its schema.

    Args:
        id: the event's id as text; unique for each primary entity.
        id_key: the integer id itself, or 64 bits of the text's hash.
        order: bytes that sort events of the same time: an integer id as 8 big-endian bytes with the sign flipped, else UTF-8.
        time_ms: event time since the epoch.
        user: id of the primary entity.
        entities: ids of the further entities in the schema's order; '' where absent.
        numbers: float64 little-endian in the order of `Schema.columns`; decimals in minor units; NaN where absent.
        texts: string fields in the order of `Schema.texts`.
        body_key: CRC-32 of the original bytes: it reveals another body under an id already used.
        arrived_ms: clock time at which the event arrived, ms since the epoch.
        reply: API instance that waits for the decision; '' when nobody does.
        op: `ADD`, `CORRECT` or `RETRACT`. The last two carry id, user, entities and time of the event that they change.
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
    """Returns the 64-bit key of an event's id: the integer itself, or the first 8 bytes of BLAKE2b of the text, signed."""
    return int(id) if integer else int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "little", signed=True)


def user_keys(users: Sequence[str]) -> Int64s:
    """Returns 32 bits for each user, which distinguish events of different users in the profile of another entity.

    Two events of one id, time and entity are confused with a probability of 2**-32. About 0.1 µs a user.
    """
    return np.fromiter(map(zlib.crc32, map(str.encode, users)), np.int64, len(users))
