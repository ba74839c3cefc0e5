"""The bytes between Java and Python: bundles in, frames out, profiles in bulk. All little-endian.

A bundle is one call's worth of input: a head of columns, the bodies one after the other, and for events the entities'
answers as one matrix behind them. Frames are what a stage gives back, each with a tag that says where it goes.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<BiII")
# Each frame's payload begins with such a head; the length of the payload stands before it.
_EVENT_FRAME = struct.Struct("<IqqiHBH")
_MESSAGE_FRAME = struct.Struct("<IqqiH")
_ANSWER_FRAME = struct.Struct("<IqH")
_EVENT_SIZE, _MESSAGE_SIZE, _ANSWER_SIZE = _EVENT_FRAME.size - 4, _MESSAGE_FRAME.size - 4, _ANSWER_FRAME.size - 4
_SHORT = [length.to_bytes(2, "little") for length in range(8_192)]
_ABSENT = -1
_PAGE = np.dtype([("key", "<i4"), ("number", "<i4"), ("length", "<i4")])
_DROP = np.dtype([("key", "<i4"), ("number", "<i4")])

ProfileBytes = tuple[bytes | None, list[tuple[int, bytes]]]
"""Head (``None``: never seen) and numbered pages of one profile."""


@dataclass(slots=True)
class Bundle:
    """What Java hands over in one call.

    Args:
        kind: R raw records, C control and models, K messages of entities, E events, L labels, S a checkpoint that
            follows: what is not in the state yet is written now.
        release: that all of them were stamped with; 0 where they are not.
        n: how many bodies.
        missing: 1 where an event comes without an answer that it waited for.
        tail: [n, numbers] the answers of the entities; NaN where there is none. ``None`` without answers.
        bodies: in order; views of the bundle.
    """

    kind: str
    release: int
    n: int
    missing: NDArray[np.uint8]
    tail: NDArray[np.float64] | None
    bodies: list[memoryview]

    def part(self, first: int, end: int) -> "Bundle":
        """The bundle of the bodies from `first` up to `end`, which is left out."""
        tail = None if self.tail is None else self.tail[first:end]
        return Bundle(self.kind, self.release, end - first, self.missing[first:end], tail, self.bodies[first:end])


def read_bundle(data: bytes) -> Bundle:
    """Takes a bundle apart without copying its bodies. About 0.2 µs a body."""
    kind, release, count, width = _HEAD.unpack_from(data)
    ends_at = _HEAD.size
    missing_at = ends_at + 4 * count
    first = missing_at + count
    ends = np.frombuffer(data, "<u4", count, ends_at).tolist()
    missing = np.frombuffer(data, np.uint8, count, missing_at)
    view = memoryview(data)[first:]
    starts = [0, *ends]
    bodies = [view[start:end] for start, end in zip(starts, ends, strict=False)]
    tail = None
    if width:
        answers = bytes(view[starts[-1] : starts[-1] + count * width])
        tail = np.frombuffer(answers, "<f8").reshape(count, width // 8)
    return Bundle(chr(kind), release, count, missing, tail, bodies)


def write_bundle(
    kind: str, bodies: Sequence[bytes], release: int = 0, missing: Sequence[int] | None = None, answers: Sequence[bytes] = ()
) -> bytes:
    """A bundle as Java writes it; `answers` are of one width, one a body."""
    ends = np.cumsum([len(body) for body in bodies], dtype="<u4").tobytes()
    marks = bytes(missing) if missing is not None else bytes(len(bodies))
    width = len(answers[0]) if answers else 0
    return b"".join([_HEAD.pack(ord(kind), release, len(bodies), width), ends, marks, *bodies, *answers])


def add_record(frames: list[bytes], tag: bytes, key: bytes, value: bytes) -> None:
    """Adds a record for the topic that `tag` stands for."""
    frames += (tag, _SHORT[len(key)], key, len(value).to_bytes(4, "little"), value)


def topic_frame(tag: str, key: str, value: bytes) -> bytes:
    """A frame `tag` with a key and a payload."""
    name = key.encode()
    return b"".join([tag.encode(), len(name).to_bytes(2, "little"), name, len(value).to_bytes(4, "little"), value])


def add_event(
    frames: list[bytes], user: bytes, time_ms: int, uid: int, release: int, width: int, answers: int, order: bytes, body: bytes
) -> None:
    """Adds an event for the user stage, which waits for `answers` answers of `width` bytes in all."""
    head = _EVENT_FRAME.pack(_EVENT_SIZE + len(order) + len(body), time_ms, uid, release, width, answers, len(order))
    frames += (b"e", _SHORT[len(user)], user, head, order, body)


def add_message(frames: list[bytes], key: bytes, time_ms: int, uid: int, release: int, order: bytes, body: bytes) -> None:
    """Adds a message for the entity stage; `key` is ``kind NUL id``."""
    head = _MESSAGE_FRAME.pack(_MESSAGE_SIZE + len(order) + len(body), time_ms, uid, release, len(order))
    frames += (b"k", _SHORT[len(key)], key, head, order, body)


def add_answer(frames: list[bytes], user: bytes, uid: int, at: int, answer: bytes) -> None:
    """Adds an entity's answer, for offset `at` of the answers that the event `uid` of `user` waits for."""
    frames += [b"a", _SHORT[len(user)], user, _ANSWER_FRAME.pack(_ANSWER_SIZE + len(answer), uid, at), answer]


def read_frames(data: bytes) -> list[tuple[str, str, bytes]]:
    """(tag, key, payload) of each frame, in order."""
    frames, at = [], 0
    while at < len(data):
        key_end = at + 3 + int.from_bytes(data[at + 1 : at + 3], "little")
        first = key_end + 4
        end = first + int.from_bytes(data[key_end:first], "little")
        frames.append((chr(data[at]), data[at + 3 : key_end].decode(), data[first:end]))
        at = end
    return frames


def pack_keys(keys: Sequence[bytes]) -> bytes:
    """Keys for one bulk call: a count, their lengths, then all of them."""
    return b"".join([_lengths(keys), *keys])


def unpack_keys(data: bytes) -> list[bytes]:
    """The keys that `pack_keys` packed."""
    count = int.from_bytes(data[:4], "little")
    return _cut(data, 4 + 4 * count, np.frombuffer(data, "<i4", count, 4))


def unpack_profiles(data: bytes) -> list[ProfileBytes]:
    """Profiles as a bulk read gives them: lengths of heads, a table of pages, then heads and pages."""
    count = int.from_bytes(data[:4], "little")
    lengths = np.frombuffer(data, "<i4", count, 4)
    at = 4 + 4 * count
    table = np.frombuffer(data, _PAGE, int.from_bytes(data[at : at + 4], "little"), at + 4)
    first = at + 4 + table.nbytes
    heads = _cut(data, first, np.maximum(lengths, 0))
    profiles: list[ProfileBytes] = [(head if length >= 0 else None, []) for head, length in zip(heads, lengths.tolist(), strict=True)]
    blobs = _cut(data, first + int(np.maximum(lengths, 0).sum()), table["length"])
    for (key, number, _), page in zip(table.tolist(), blobs, strict=True):
        profiles[key][1].append((number, page))
    return profiles


def pack_changes(heads: Sequence[bytes], pages: Sequence[tuple[int, int, bytes]], dropped: Sequence[tuple[int, int]]) -> bytes:
    """New heads of all keys, (key's position, number, bytes) of pages to put, (key's position, number) of pages to drop."""
    table = np.array([(key, number, len(page)) for key, number, page in pages], _PAGE)
    drops = np.array(list(dropped), _DROP)
    counts = [len(table).to_bytes(4, "little"), len(drops).to_bytes(4, "little")]
    return b"".join([_lengths(heads), counts[0], table.tobytes(), counts[1], drops.tobytes(), *heads, *(page for _, _, page in pages)])


def _lengths(parts: Sequence[bytes]) -> bytes:
    return len(parts).to_bytes(4, "little") + np.fromiter(map(len, parts), "<i4", len(parts)).tobytes()


def _cut(data: bytes, first: int, lengths: NDArray[np.int32]) -> list[bytes]:
    """Pieces of the given lengths that follow each other from `first`."""
    ends = (np.cumsum(lengths, dtype=np.int64) + first).tolist()
    return [data[start:end] for start, end in zip([first, *ends], ends, strict=False)]
