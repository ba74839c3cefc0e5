"""Profiles of many keys in one call to Flink's keyed state: what a call carries there and back.

A profile is a head and numbered pages. Lengths come first, then a table of pages, then the bytes of all heads and all pages. Counts and
lengths are ``i32``.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.profiles.heads import Heads
from pipeline.wire.declaration import ABSENT, DROPPED_PAGE, PAGE

_PAGE, _DROPPED = PAGE.dtype(), DROPPED_PAGE.dtype()
_COUNT = 4
"""Bytes of a count or a length."""

ProfileBytes = tuple[bytes | None, list[tuple[int, bytes]]]
"""Head (``None``: never seen) and numbered pages of one profile."""
Page = tuple[int, int, bytes]
"""Position of the key in the call, number and bytes."""


class Changes(NamedTuple):
    """What a call writes: the new heads of all its keys, pages to put, and (key's position, number) of pages to drop."""

    heads: Sequence[bytes]
    pages: Sequence[Page]
    dropped: Sequence[tuple[int, int]]


def pack_keys(keys: Sequence[bytes]) -> bytes:
    """Keys for one bulk call: a count, their lengths, then all of them."""
    return b"".join([_lengths(keys), *keys])


def unpack_keys(data: bytes) -> list[bytes]:
    """The keys that `pack_keys` packed."""
    lengths, at = _lengths_of(data)
    return _cut(data, at, lengths)


def pack_deadlines(deadlines: Mapping[bytes, int]) -> bytes:
    """Keys that wait for an event time, as `pack_keys` packs them, and behind them the deadline of each (i64, ms)."""
    return pack_keys(list(deadlines)) + np.fromiter(deadlines.values(), "<i8", len(deadlines)).tobytes()


def unpack_deadlines(data: bytes) -> list[tuple[bytes, int]]:
    """The keys and deadlines that `pack_deadlines` packed."""
    keys = unpack_keys(data)
    times = np.frombuffer(data[len(data) - 8 * len(keys) :], "<i8")
    return list(zip(keys, times.tolist(), strict=True))


def pack_profiles(profiles: Sequence[ProfileBytes]) -> bytes:
    """Profiles as the Java class ``BulkState`` answers a read."""
    lengths = np.array([ABSENT if head is None else len(head) for head, _ in profiles], "<i4")
    pages = [(at, number, page) for at, (_, its_pages) in enumerate(profiles) for number, page in its_pages]
    heads = [head or b"" for head, _ in profiles]
    return b"".join([_count(profiles), lengths.tobytes(), _table(pages), *heads, *(page for _, _, page in pages)])


def unpack_profiles(data: bytes) -> list[ProfileBytes]:
    """Profiles as a bulk read gives them: lengths of heads, a table of pages, then heads and pages."""
    lengths, at = _lengths_of(data)
    table, first = _rows(data, at, _PAGE)
    heads = _cut(data, first, np.maximum(lengths, 0))
    profiles: list[ProfileBytes] = [
        (None if length == ABSENT else head, []) for head, length in zip(heads, lengths.tolist(), strict=True)
    ]  # fmt: skip
    blobs = _cut(data, first + int(np.maximum(lengths, 0).sum()), table["length"])
    for (key, number, _), page in zip(table.tolist(), blobs, strict=True):
        profiles[key][1].append((number, page))
    return profiles


def pack_changes(heads: Heads, pages: Sequence[Page], dropped: Sequence[tuple[int, int]]) -> bytes:
    """The arguments are those of `Changes`."""
    drops = np.array(list(dropped), _DROPPED)
    lengths = _count(heads) + heads.lengths.astype("<i4").tobytes()
    return b"".join([lengths, _table(pages), _count(drops), drops.tobytes(), heads.joined, *(page for _, _, page in pages)])


def unpack_changes(data: bytes) -> Changes:
    """The changes that `pack_changes` packed."""
    lengths, at = _lengths_of(data)
    table, at = _rows(data, at, _PAGE)
    dropped, first = _rows(data, at, _DROPPED)
    heads = _cut(data, first, lengths)
    blobs = _cut(data, first + int(lengths.sum()), table["length"])
    pages = [(key, number, page) for (key, number, _), page in zip(table.tolist(), blobs, strict=True)]
    return Changes(heads, pages, dropped.tolist())


def _count(things: Sequence[object] | NDArray[np.void]) -> bytes:
    return len(things).to_bytes(_COUNT, "little")


def _table(pages: Sequence[Page]) -> bytes:
    return _count(pages) + np.array([(key, number, len(page)) for key, number, page in pages], _PAGE).tobytes()


def _lengths(parts: Sequence[bytes]) -> bytes:
    return _count(parts) + np.fromiter(map(len, parts), "<i4", len(parts)).tobytes()


def _lengths_of(data: bytes) -> tuple[NDArray[np.int32], int]:
    """The lengths at the beginning, and where they end."""
    count = int.from_bytes(data[:_COUNT], "little")
    return np.frombuffer(data, "<i4", count, _COUNT), _COUNT + 4 * count


def _rows(data: bytes, at: int, row: np.dtype[np.void]) -> tuple[NDArray[np.void], int]:
    """The counted table at `at`, and where it ends."""
    table = np.frombuffer(data, row, int.from_bytes(data[at : at + _COUNT], "little"), at + _COUNT)
    return table, at + _COUNT + table.nbytes


def _cut(data: bytes, first: int, lengths: NDArray[np.int32]) -> list[bytes]:
    """Pieces of the given lengths that follow each other from `first`."""
    ends = (np.cumsum(lengths, dtype=np.int64) + first).tolist()
    return [data[start:end] for start, end in zip([first, *ends], ends, strict=False)]
