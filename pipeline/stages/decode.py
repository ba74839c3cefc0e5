"""The first stage: bytes become events, stamped with the release in force, or dead letters with their reason."""

import struct

import msgspec

from features.decode import ID_CHARACTERS_MAX, Decoder
from features.event import ADD, Event
from features.refusal import Refusal
from pipeline.dead_letter import dead_letter
from pipeline.frames import Bundle, add_event, add_message, read_bundle, topic_frame
from pipeline.release import Release
from pipeline.stages.definitions import Definitions, key_text
from pipeline.stages.event_body import event_body

RECORD = struct.Struct("<iqqqH")
"""Head of a raw record: partition, offset, record time, greatest event time that the partition had before it, both in ms, length
of the reply instance's name."""

MESSAGE = struct.Struct("<qqqqHH")
"""Head of an entity's message: event time, id key, order, uid, offset of its answer, length of the user's id."""


class DecodeStage:
    """Raw Kafka records in; one event for the user stage and one message an entity out, or a dead letter."""

    def __init__(self) -> None:
        self._definitions = Definitions()
        self._decoder: tuple[Release, Decoder] | None = None
        self._entities: list[tuple[int, bytes, int]] = []

    def process(self, data: bytes) -> bytes:
        """Frames for one bundle of control or raw records. About 3 µs an event."""
        bundle = read_bundle(data)
        if bundle.kind == "C":
            take_control(bundle, self._definitions)
            return b""
        frames: list[bytes] = []
        for body in bundle.bodies:
            partition, offset, at_ms, newest_ms, reply_length = RECORD.unpack_from(body)
            end = RECORD.size + reply_length
            reply = str(body[RECORD.size : end], "utf-8", "replace")  # it may be anybody's header
            value = bytes(body[end:])
            try:
                release, decoder = self._in_force()
                event = decoder.decode(value, at_ms, reply)
            except Refusal as refusal:
                frames.append(refused(refusal, value, partition, offset, at_ms))
                if reply:
                    frames.append(self._refused_reply(refusal, value, reply))
                continue
            self._add_frames(frames, release, event, value, partition << 48 | offset, newest_ms)
        return b"".join(frames)

    def _in_force(self) -> tuple[Release, Decoder]:
        release = self._definitions.newest
        if release is None:
            raise Refusal("no release", where="control topic", expected="a release in force", got="none", remedy="push a configuration")
        if self._decoder is None or self._decoder[0] is not release:
            self._decoder = (release, Decoder(release.schema))
            positions, plans = release.schema.entities, release.features.plans
            self._entities = [(positions.index(kind), kind.encode() + b"\0", plans[kind].width * 8) for kind in release.entity_kinds()]
        return self._decoder

    def _add_frames(self, frames: list[bytes], release: Release, event: Event, value: bytes, uid: int, newest_ms: int) -> None:
        user, order, time_ms = event.user.encode(), event.order, event.time_ms
        # Among events ordered by time, a correction comes when it was sent: not in its event's place, which may be long past.
        turn_ms = time_ms if event.op == ADD else max(time_ms, newest_ms)
        order_key = int.from_bytes(order[:8].ljust(8, b"\0"), "big") - (1 << 63)
        user_and_numbers = user + event.numbers
        answers = at = 0
        for position, prefix, width in self._entities:
            entity = event.entities[position]
            if entity:
                body = MESSAGE.pack(time_ms, event.id_key, order_key, uid, at, len(user)) + user_and_numbers
                add_message(frames, prefix + entity.encode(), turn_ms, uid, release.id, order, body)
                answers += 1
            at += width
        add_event(frames, user, turn_ms, uid, release.id, at, answers, order, event_body(event, order_key, value))

    def _refused_reply(self, refusal: Refusal, value: bytes, reply: str) -> bytes:
        release = self._definitions.newest
        action = release.policy.fallback.action if release else "approve"
        answer = {
            "event_id": _id_in(value, release),
            "revision": 0,
            "score": None,
            "action": action,
            "reasons": [str(refusal)],
            "flags": ["degraded"],
            "release": release.id if release else 0,
        }
        return topic_frame("R", reply, msgspec.json.encode(answer))


def take_control(bundle: Bundle, definitions: Definitions) -> None:
    """Takes the records of a control bundle in, in order."""
    for body in bundle.bodies:
        raw = bytes(body)
        length = int.from_bytes(raw[1:3], "little")
        definitions.take(chr(raw[0]), key_text(raw[3 : 3 + length]), raw[3 + length :])


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
