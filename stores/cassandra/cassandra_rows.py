"""What a row of Cassandra holds, and the timestamps by which the right one of several copies stands.

A repeat of a decision is behind the first in the same partition of its topic. A write's timestamp falls as the offset grows, so that the
first one stands whatever was written last, and nothing has to be read before a write.
"""

import zlib
from typing import Any

import msgspec

from stores.decisions import LatestScore, StoredDecision, TopicPlace

FIRST_US = 10**15
"""Timestamp of offset 0: below those of clocks (1.7e15), which rows have that were written before there were places."""
FLAG_US = 1 << 61
"""Timestamp of the first revision's flags: above those of clocks, for a later revision's stands."""
OFFSETS = 1 << 44
REVISIONS = 1 << 17
DEFLATE_LEVEL = 1


class PackedDecision(msgspec.Struct, frozen=True, array_like=True):
    """All of a decision but its id and revision, in one cell: cells are chosen one by one, a decision is never of two copies."""

    event_time: int
    order: bytes
    keys: tuple[tuple[str, str], ...]
    score: float | None
    action: str
    release: int
    retracted: bool
    place: TopicPlace | None
    value: bytes


class PackedScore(msgspec.Struct, frozen=True, array_like=True):
    """What a row of ``entity_history`` says besides its key."""

    score: float | None
    action: str
    release: int
    retracted: bool
    place: TopicPlace | None


_encode = msgspec.msgpack.Encoder().encode
_decode_decision = msgspec.msgpack.Decoder(PackedDecision).decode
_decode_score = msgspec.msgpack.Decoder(PackedScore).decode


def first_wins_us(decision: StoredDecision) -> int:
    """The timestamp of a row of which the earliest copy stands; without a place, copies are chosen by their bytes."""
    return FIRST_US - (decision.place.offset if decision.place else 0)


def flag_us(decision: StoredDecision) -> int:
    """The timestamp of a flag: the highest revision's stands, of that the earliest copy's."""
    offset = decision.place.offset if decision.place else 0
    return FLAG_US + (min(max(decision.revision, 0), REVISIONS) + 1) * OFFSETS - 1 - offset


def packed_decision(d: StoredDecision) -> bytes:
    """The cell of a row of ``event_decision``."""
    packed = PackedDecision(d.event_time, d.order, d.keys, d.score, d.action, d.release, d.retracted, d.place, d.value)
    return zlib.compress(_encode(packed), DEFLATE_LEVEL)


def packed_score(d: StoredDecision) -> bytes:
    """The cell of a row of ``entity_history``."""
    return _encode(PackedScore(d.score, d.action, d.release, d.retracted, d.place))


def decision_of(row: tuple[Any, ...]) -> StoredDecision:
    """A row of ``event_decision``."""
    event_id, _, revision, packed = row
    p = _decode_decision(zlib.decompress(packed))
    return StoredDecision(event_id, revision, p.event_time, p.order, p.keys, p.score, p.action, p.release, p.value, p.retracted, p.place)


def older_decision_of(row: tuple[Any, ...]) -> StoredDecision:
    """A row of ``decision``, the table from before events had users; one from before rows were packed has its columns."""
    event_id, revision, event_time, order, keys, score, action, release, value, retracted, packed = row
    if value is None:
        return decision_of((event_id, "", revision, packed))
    pairs = msgspec.json.decode(keys, type=tuple[tuple[str, str], ...])
    return StoredDecision(event_id, revision, event_time, order, pairs, score, action, release, value, retracted)


def score_of(row: tuple[Any, ...]) -> tuple[LatestScore, bool]:
    """A row of ``entity_history`` and whether its event is retracted."""
    event_id, user, revision, event_time, packed = row
    p = _decode_score(packed)
    return LatestScore(p.score, p.action, event_id, revision, event_time, p.release, p.place, user), p.retracted
