"""Carries events from stage to stage where all three run in one process, as Java does on Flink: messages there, answers back."""

import struct
from collections.abc import Iterable, Sequence

from pipeline.wire.bodies import write_keyed_body
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import ANSWER, EVENT, MESSAGE, Kind, Tag

Frame = tuple[Tag, str, bytes]
Keyed = Sequence[tuple[str, bytes]]
"""Frames without their tag: keys and payloads."""
Answers = dict[tuple[str, int], list[tuple[int, bytes]]]
"""What entities say, by primary entity and event: where each answer goes, and its bytes."""
_NAN = struct.pack("<d", float("nan"))


def message_bundle(messages: Keyed) -> bytes:
    """Returns the bundle for the entity stage of messages that the decode stage sent, of which there is at least one."""
    bodies = []
    release = 0
    for key, payload in messages:
        _, _, release, _, order_length = MESSAGE.unpack_from(payload)
        bodies.append(write_keyed_body(key.encode(), payload[MESSAGE.size + order_length :]))
    return write_bundle(Kind.MESSAGES, bodies, release)


def answers_in(frames: Iterable[Frame]) -> Answers:
    """Returns the answers among the frames of the entity stage."""
    answers: Answers = {}
    for tag, user, payload in frames:
        if tag == Tag.ANSWER:
            uid, at = ANSWER.unpack_from(payload)
            answers.setdefault((user, uid), []).append((at, payload[ANSWER.size :]))
    return answers


def event_bundle(events: Keyed, answers: Answers) -> bytes:
    """Returns the bundle for the user stage of events that the decode stage sent, of which there is at least one, with their answers."""
    bodies, missing, tails, stamps, release = [], [], [], [], 0
    for user, payload in events:
        _, uid, release, snapshots, width, expected, order_length = EVENT.unpack_from(payload)
        tail = bytearray(_NAN * (width // 8))
        got = answers.get((user, uid), [])
        for at, answer in got:
            tail[at : at + len(answer)] = answer
        bodies.append(payload[EVENT.size + order_length :])
        missing.append(int(len(got) < expected))
        stamps.append(snapshots)
        tails.append(bytes(tail))
    return write_bundle(Kind.EVENTS, bodies, release, missing, tails if tails[0] else (), stamps)
