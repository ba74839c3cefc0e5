"""The cells of Cassandra's rows are encoded here, and the write timestamps are chosen by which the right one of several copies stays.

A repeat of a decision lies behind the first one in the same partition of its topic. The timestamp of a write falls as the offset grows, so
that the first one stays in whatever order they are written, and nothing has to be read before a write.
"""

import zlib
from typing import Any

import msgspec

from stores.decisions import LatestScore, StoredDecision, TopicPlace

FIRST_US = 10**15
"""The timestamp of offset 0. It is below clock times (1.7e15), which rows have that were written before places were stored."""
FLAG_US = 1 << 61
"""The timestamp of the first revision's flags. It is above clock times, and that of a later revision is greater."""
OFFSETS = 1 << 44
REVISIONS = 1 << 17
DEFLATE_LEVEL = 1


class PackedDecision(msgspec.Struct, frozen=True, array_like=True):
    """A decision without its id and revision, in one cell: Cassandra chooses copies cell by cell, and must not mix two copies."""

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
    """The cell of a row of ``entity_history``, which holds what its key does not."""

    score: float | None
    action: str
    release: int
    retracted: bool
    place: TopicPlace | None


_encode = msgspec.msgpack.Encoder().encode
_decode_decision = msgspec.msgpack.Decoder(PackedDecision).decode
_decode_score = msgspec.msgpack.Decoder(PackedScore).decode


def first_wins_us(decision: StoredDecision) -> int:
    """Gives the write timestamp of a row of which the earliest copy stays; without a place Cassandra chooses by the bytes."""
    return FIRST_US - (decision.place.offset if decision.place else 0)


def flag_us(decision: StoredDecision) -> int:
    """Gives the write timestamp of a flag: that of the highest revision stays, and of this the earliest copy."""
    offset = decision.place.offset if decision.place else 0
    return FLAG_US + (min(max(decision.revision, 0), REVISIONS) + 1) * OFFSETS - 1 - offset


def packed_decision(d: StoredDecision) -> bytes:
    """Encodes the cell of a row of ``event_decision``."""
    packed = PackedDecision(d.event_time, d.order, d.keys, d.score, d.action, d.release, d.retracted, d.place, d.value)
    return zlib.compress(_encode(packed), DEFLATE_LEVEL)


def packed_score(d: StoredDecision) -> bytes:
    """Encodes the cell of a row of ``entity_history``."""
    return _encode(PackedScore(d.score, d.action, d.release, d.retracted, d.place))


def decision_of(row: tuple[Any, ...]) -> StoredDecision:
    """Decodes a row of ``event_decision``."""
    event_id, _, revision, packed = row
    p = _decode_decision(zlib.decompress(packed))
    return StoredDecision(event_id, revision, p.event_time, p.order, p.keys, p.score, p.action, p.release, p.value, p.retracted, p.place)


def older_decision_of(row: tuple[Any, ...]) -> StoredDecision:
    """Decodes a row of ``decision``, a table of earlier versions; the oldest rows have columns instead of one packed cell."""
    event_id, revision, event_time, order, keys, score, action, release, value, retracted, packed = row
    if value is None:
        return decision_of((event_id, "", revision, packed))
    pairs = msgspec.json.decode(keys, type=tuple[tuple[str, str], ...])
    return StoredDecision(event_id, revision, event_time, order, pairs, score, action, release, value, retracted)


def score_of(row: tuple[Any, ...]) -> tuple[LatestScore, bool]:
    """Decodes a row of ``entity_history``; also says whether its event is retracted."""
    event_id, user, revision, event_time, packed = row
    p = _decode_score(packed)
    return LatestScore(p.score, p.action, event_id, revision, event_time, p.release, p.place, user), p.retracted
