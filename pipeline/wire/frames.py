"""Frames: what a Python stage gives back to Java, each with a tag that says where it goes."""

from collections.abc import Iterable

from pipeline.wire.declaration import ANSWER, EVENT, FRAME, MESSAGE, Tag

_EVENT, _MESSAGE, _ANSWER = (head.behind_its_length().pack for head in (EVENT, MESSAGE, ANSWER))
_EVENT_SIZE, _MESSAGE_SIZE, _ANSWER_SIZE = EVENT.size, MESSAGE.size, ANSWER.size
_SHORT = [length.to_bytes(2, "little") for length in range(8_192)]
"""Lengths of keys. A key has at most 4,200 bytes: two ids of a pair, and the name of its type."""
_EVENT_TAG, _MESSAGE_TAG, _ANSWER_TAG = Tag.EVENT.byte, Tag.MESSAGE.byte, Tag.ANSWER.byte


def add_record(frames: list[bytes], tag: bytes, key: bytes, value: bytes) -> None:
    """Adds a record for the topic that `tag` stands for, the byte of a `Tag`. Callers look it up once: that costs as much as the rest."""
    frames += (tag, _SHORT[len(key)], key, len(value).to_bytes(4, "little"), value)


def topic_frame(tag: Tag, key: str, value: bytes) -> bytes:
    """A frame `tag` with a key and a payload."""
    name = key.encode()
    return b"".join([FRAME.pack(ord(tag), len(name)), name, len(value).to_bytes(4, "little"), value])


def write_frames(frames: Iterable[tuple[Tag, str, bytes]]) -> bytes:
    """The frames (tag, key, payload) one after the other; `read_frames` takes them apart."""
    parts: list[bytes] = []
    for tag, key, value in frames:
        add_record(parts, tag.byte, key.encode(), value)
    return b"".join(parts)


def add_event(
    frames: list[bytes],
    user: bytes,
    turn_ms: int,
    uid: int,
    release: int,
    snapshots: int,
    width: int,
    answers: int,
    order: bytes,
    body: bytes,
) -> None:
    """Adds an event for the user stage, which waits for `answers` answers of `width` bytes in all."""
    head = _EVENT(_EVENT_SIZE + len(order) + len(body), turn_ms, uid, release, snapshots, width, answers, len(order))
    frames += (_EVENT_TAG, _SHORT[len(user)], user, head, order, body)


def add_message(frames: list[bytes], key: bytes, turn_ms: int, uid: int, release: int, snapshots: int, order: bytes, body: bytes) -> None:
    """Adds a message for the entity stage; `key` is the entity's type, `ENTITY_SEPARATOR` and its id."""
    head = _MESSAGE(_MESSAGE_SIZE + len(order) + len(body), turn_ms, uid, release, snapshots, len(order))
    frames += (_MESSAGE_TAG, _SHORT[len(key)], key, head, order, body)


def add_answer(frames: list[bytes], user: bytes, uid: int, at: int, answer: bytes) -> None:
    """Adds an entity's answer, for offset `at` of the answers that the event `uid` of `user` waits for."""
    frames += (_ANSWER_TAG, _SHORT[len(user)], user, _ANSWER(_ANSWER_SIZE + len(answer), uid, at), answer)


def read_frames(data: bytes) -> list[tuple[Tag, str, bytes]]:
    """(tag, key, payload) of each frame, in order."""
    frames, at = [], 0
    while at < len(data):
        tag, key_length = FRAME.unpack_from(data, at)
        key_at = at + FRAME.size
        length_at = key_at + key_length
        first = length_at + 4
        end = first + int.from_bytes(data[length_at:first], "little")
        frames.append((Tag(chr(tag)), data[key_at:length_at].decode(), data[first:end]))
        at = end
    return frames
