"""The first stage: bytes become events, stamped with the release in force, or dead letters with their reason."""

import logging
import struct
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from features.definitions.row_values import row_values
from features.schema.batch import Batch
from features.schema.decode import ID_CHARACTERS_MAX, Decoder
from features.schema.event import ADD, Event
from foundation.refusal import Refusal
from pipeline.control.definitions import ControlRecord, Definitions, key_text
from pipeline.engine.decision import fallback_flags
from pipeline.engine.isolation import FAULT_MET, fault_of, one_by_one
from pipeline.engine.release import Release
from pipeline.flink.frames import Bundle, add_event, add_message, read_bundle, topic_frame
from pipeline.score_job.dead_letter import dead_letter
from pipeline.score_job.event_body import event_body

log = logging.getLogger(__name__)

RECORD = struct.Struct("<iqqqH")
"""Head of a raw record: partition, offset, record time, greatest event time that the partition had before it, both in ms, length
of the reply instance's name."""

MESSAGE = struct.Struct("<qqqqHHb")
"""Head of an entity's message: event time, id key, order, uid, offset of its answer, length of the user's id, operation. Behind it
the user's id, and the words that a row of the entity's history holds."""


class DecodeStage:
    """Raw Kafka records in; one event for the user stage and one message an entity out, or a dead letter."""

    def __init__(self) -> None:
        self.definitions = Definitions()
        self._decoder: tuple[Release, Decoder] | None = None
        self._raised_in_a_row = 0

    def process(self, data: bytes) -> bytes:
        """Frames for one bundle of control or raw records. About 3 µs an event."""
        bundle = read_bundle(data)
        if bundle.kind == "C":
            take_control(bundle, self.definitions)
            return b""
        return b"".join(one_by_one(bundle.bodies, self._frames, lambda: None, self._refuse))

    def _frames(self, bodies: Sequence[memoryview]) -> bytes:
        frames: list[bytes] = []
        taken: list[_Taken] = []
        for body in bodies:
            partition, offset, at_ms, newest_ms, reply_length = RECORD.unpack_from(body)
            end = RECORD.size + reply_length
            reply = str(body[RECORD.size : end], "utf-8", "replace")  # it may be anybody's header
            value = bytes(body[end:])
            try:
                event = self._in_force()[1].decode(value, at_ms, reply)
            except Refusal as refusal:
                frames.append(refused(refusal, value, partition, offset, at_ms))
                if reply:
                    frames.append(refused_reply(self.definitions.newest, str(refusal), value, reply))
                continue
            # Among events ordered by time, a correction comes when it was sent: not in its event's place, which may be long past.
            turn_ms = event.time_ms if event.op == ADD else max(event.time_ms, newest_ms)
            taken.append(_Taken(event, value, partition << 48 | offset, turn_ms))
        if taken:
            _add_frames(frames, self._in_force()[0], taken)
            self._raised_in_a_row = 0
        return b"".join(frames)

    def _refuse(self, body: memoryview, error: Exception) -> bytes:
        partition, offset, at_ms, _, reply_length = RECORD.unpack_from(body)
        value = bytes(body[RECORD.size + reply_length :])
        reply = str(body[RECORD.size : RECORD.size + reply_length], "utf-8", "replace")
        log.error("a record is set aside, for processing it raised an exception", exc_info=error)
        release = self.definitions.newest
        self._raised_in_a_row += 1
        more = {"release": str(release.id if release else 0), "in_a_row": str(self._raised_in_a_row)}
        frames = refused(fault_of(error, "decode stage"), value, partition, offset, at_ms, **more)
        return frames + refused_reply(release, FAULT_MET, value, reply) if reply else frames

    def _in_force(self) -> tuple[Release, Decoder]:
        release = self.definitions.newest
        if release is None:
            raise Refusal("no release", where="control topic", expected="a release in force", got="none", remedy="push a configuration")
        if self._decoder is None or self._decoder[0] is not release:
            self._decoder = (release, Decoder(release.schema))
        return self._decoder


class _Taken(NamedTuple):
    event: Event
    value: bytes
    uid: int
    turn_ms: int


class _Kind(NamedTuple):
    """The messages to the entities of one kind: keys and row words of all events, and where an answer goes among an event's answers."""

    prefix: bytes
    keys: list[str]
    words: bytes
    size: int
    at: int


def _add_frames(frames: list[bytes], release: Release, taken: list[_Taken]) -> None:
    """Adds each event, behind the messages to its entities."""
    batch = Batch.of([each.event for each in taken], release.schema)
    kinds, width = _kinds_of(release, batch)
    for place, (order_key, (event, value, uid, turn_ms)) in enumerate(zip(batch.orders.tolist(), taken, strict=True)):
        user, order, answers = event.user.encode(), event.order, 0
        for prefix, keys, words, size, at in kinds:
            if keys[place]:
                head = MESSAGE.pack(event.time_ms, event.id_key, order_key, uid, at, len(user), event.op)
                body = b"".join((head, user, words[place * size : (place + 1) * size]))
                add_message(frames, prefix + keys[place].encode(), turn_ms, uid, release.id, order + b"\0" + user, body)
                answers += 1
        add_event(frames, user, turn_ms, uid, release.id, width, answers, order, event_body(event, order_key, value))


def _kinds_of(release: Release, batch: Batch) -> tuple[list[_Kind], int]:
    """What goes to each kind of entity, and the bytes of all their answers: features of the kind, and one for `warming`."""
    kinds, at = [], 0
    for kind in release.entity_kinds():
        words = row_values(release.features.plans[kind].columns, batch, release.schema)
        raw = np.ascontiguousarray(words).tobytes()
        kinds.append(_Kind(kind.encode() + b"\0", release.features.key(kind, batch), raw, 8 * words.shape[1], at))
        at += 8 * (len(release.features.columns[kind]) + 1)
    return kinds, at


def take_control(bundle: Bundle, definitions: Definitions) -> None:
    """Takes the records of a control bundle in."""
    definitions.take([_control_record(bytes(body)) for body in bundle.bodies])


def _control_record(raw: bytes) -> ControlRecord:
    """A small letter stands before a record, a capital before a key whose record was taken away."""
    topic, end = chr(raw[0]), 3 + int.from_bytes(raw[1:3], "little")
    return topic.lower(), key_text(raw[3:end]), raw[end:] if topic.islower() else None


def refused_reply(release: Release | None, reason: str, value: bytes, reply: str) -> bytes:
    """The frame that answers whoever waits under `reply` for the event `value`, which is refused for `reason`."""
    answer = {
        "event_id": _id_in(value, release),
        "revision": 0,
        "score": None,
        "action": release.policy.fallback.action if release else "approve",
        "reasons": [reason],
        "flags": fallback_flags(release),
        "release": release.id if release else 0,
    }
    return topic_frame("R", reply, msgspec.json.encode(answer))


def refused(refusal: Refusal, value: bytes, partition: int = -1, offset: int = -1, at_ms: int = 0, **more: str) -> bytes:
    """The frame that carries `value` and the reason to the dead-letter topic; the arguments are those of `dead_letter`."""
    return topic_frame("X", f"{partition}:{offset}", dead_letter(refusal, value, partition, offset, at_ms, **more))


def _id_in(value: bytes, release: Release | None) -> str:
    """The event's id where the refused bytes still show one."""
    try:
        found = msgspec.json.decode(value)
        return str(found.get(release.schema.id_field, ""))[:ID_CHARACTERS_MAX] if isinstance(found, dict) and release else ""
    except (ValueError, RecursionError):  # no JSON, no UTF-8, nested too deep, a number with too many digits
        return ""


def make_stage(config: dict[str, str] | None = None) -> DecodeStage:
    """The stage as the score job asks for it."""
    return DecodeStage()
