"""Runs the three stages of the score job in one process, with plain Python in the place of Flink and Java."""

from collections.abc import Mapping, Sequence

import msgspec

from foundation.content_hash import content_hash
from pipeline.flink.dict_state import DictState
from pipeline.score_job.between_stages import Answers, Frame, answers_in, event_bundle, message_bundle
from pipeline.score_job.decode import DecodeStage
from pipeline.score_job.entity import EntityStage
from pipeline.score_job.facts import fact_key
from pipeline.score_job.user import EntryFeed, UserStage
from pipeline.wire.bodies import write_control_record, write_keyed_body, write_raw_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import ANY_SNAPSHOTS, ENTITY_SEPARATOR, RELEASE_KEY, Kind, Tag, Topic
from pipeline.wire.frames import read_frames

ControlRecord = tuple[str, str, bytes | None]
_BETWEEN_STAGES = (Tag.EVENT, Tag.MESSAGE, Tag.ANSWER)
_KEPT = (Tag.DECISION, Tag.REPLY, Tag.DEAD_LETTER, Tag.LATE, Tag.ALERT)


class OneProcess:
    """Runs one subtask of each stage; `out` holds by tag what they write to topics.

    Args:
        entity_state, user_state: state of an earlier run to continue from.
        entries: gives the entries of lists.
        bounds: limits of the stages that have profiles; `EntityStage` and `UserStage` explain them.
    """

    def __init__(
        self,
        entity_state: DictState | None = None,
        user_state: DictState | None = None,
        entries: EntryFeed | None = None,
        **bounds: int,
    ) -> None:
        self.entity_state, self.user_state = entity_state or DictState(), user_state or DictState()
        self.decode, self.entity = DecodeStage(), EntityStage(self.entity_state, **bounds)
        self.user = UserStage(self.user_state, clock=lambda: 1_700_000_000.0, entries=entries, **bounds)
        self.out: dict[str, list[tuple[str, bytes]]] = {}
        self._offset = 0
        self._models_position = 0

    def control(self, records: Sequence[ControlRecord], positions: Sequence[int] | None = None) -> None:
        """Sends control records to every stage: (``c`` or ``m``, key, value); the value None deletes the key's record.

        Args:
            positions: in the topic `models`, of each record; without them records of that topic are counted, as their offsets are.
        """
        bodies = [write_control_record(topic, key.encode(), value) for topic, key, value in records]
        positions = [self._position_of(topic) for topic, _, _ in records] if positions is None else positions
        bundle = write_bundle(Kind.CONTROL, bodies, positions=positions)
        for stage in (self.decode, self.entity, self.user):
            self._keep(read_frames(stage.process(bundle)))

    def _position_of(self, topic: str) -> int:
        if topic != Topic.MODEL:
            return ANY_SNAPSHOTS
        self._models_position += 1
        return self._models_position

    def release(self, id: int, texts: Mapping[str, str]) -> None:
        """Sends the release `id`, whose `texts` are given by part, to every stage."""
        self.control(self.records_of(id, texts))

    @staticmethod
    def records_of(id: int, texts: Mapping[str, str]) -> list[ControlRecord]:
        """Makes the records of a release as its publisher writes them to the control topic: definitions come first."""
        parts = {part: content_hash(text) for part, text in texts.items()}
        definitions: list[ControlRecord] = [(Topic.CONTROL, f"def:{content_hash(text)}", text.encode()) for text in texts.values()]
        return [*definitions, (Topic.CONTROL, f"{RELEASE_KEY}{id:010d}", msgspec.json.encode({"id": id, "parts": parts}))]

    def labels(self, records: Sequence[tuple[str, str, dict[str, object]]], user_kind: str) -> None:
        """Sends records (entity type, id, resolved label), each to the stage that has the profiles of its entity type."""
        for kind, key, label in records:
            self.tell(Kind.LABELS, f"{kind}{ENTITY_SEPARATOR}{key}".encode(), msgspec.json.encode(label), user_kind)

    def facts(self, records: Sequence[tuple[str, str, str, dict[str, object] | None]], user_kind: str) -> None:
        """Sends records (entity type, id, name, fact) as `labels` does; the value None is a record without a value."""
        for kind, entity, name, fact in records:
            value = b"" if fact is None else msgspec.json.encode(fact)
            self.tell(Kind.FACTS, fact_key(kind, entity, name), value, user_kind)

    def tell(self, what: Kind, key: bytes, value: bytes, user_kind: str) -> None:
        """Sends one label or fact with the key of its record to the stage that has the profiles of its entity type."""
        stage = self.user if key.partition(ENTITY_SEPARATOR.encode())[0] == user_kind.encode() else self.entity
        self._keep(read_frames(stage.process(write_bundle(what, [write_keyed_body(key, value)]))))

    def events(self, values: Sequence[bytes], at_ms: int = 1 << 50, reply: str = "", lose_answers: bool = False) -> None:
        """Sends raw records in one micro-batch through all stages."""
        self.arrive(self.stamp(values, at_ms, reply), lose_answers)

    def stamp(self, values: Sequence[bytes], at_ms: int = 1 << 50, reply: str = "") -> list[Frame]:
        """Sends raw records through the decode stage only, and returns the frames that are on their way to the other stages."""
        bodies = [write_raw_record(value, 0, self._offset + i, at_ms, reply=reply.encode()) for i, value in enumerate(values)]
        self._offset += len(values)
        return self.stamp_bodies(self.decode, bodies, [self._models_position] * len(values))

    def stamp_bodies(self, decode: DecodeStage, bodies: Sequence[bytes], positions: Sequence[int]) -> list[Frame]:
        """Sends raw records, each with how far the topic `models` had been read, through a decode stage, and returns its frames."""
        return self._keep(read_frames(decode.process(write_bundle(Kind.RAW, bodies, positions=positions))))

    def arrive(self, frames: list[Frame], lose_answers: bool = False) -> None:
        """Delivers frames that were on their way to the entity stage and the user stage."""
        messages = [(key, payload) for tag, key, payload in frames if tag == Tag.MESSAGE]
        answers = answers_in(self._keep(read_frames(self.entity.process(message_bundle(messages))))) if messages else {}
        if lose_answers:  # the entities have seen the events all the same
            answers = {}
        self._decide([(key, payload) for tag, key, payload in frames if tag == Tag.EVENT], answers)

    def checkpoint(self) -> None:
        """Does what happens before a checkpoint's barrier: each stage writes its state."""
        for stage in (self.entity, self.user):
            self._keep(read_frames(stage.process(write_bundle(Kind.BARRIER, [b""]))))

    def pass_time(self, now_ms: int) -> None:
        """Tells the stages that event time has come to `now_ms`."""
        for stage in (self.entity, self.user):
            self._keep(read_frames(stage.pass_time_encoded(now_ms)))

    def absences(self) -> list[dict[str, object]]:
        """All absences that have come true so far, decoded."""
        return [msgspec.json.decode(value) for _, value in self.out.get(Tag.ALERT, [])]

    def decisions(self) -> list[dict[str, object]]:
        """All decisions so far, decoded."""
        return [msgspec.json.decode(value) for _, value in self.out.get(Tag.DECISION, [])]

    def _decide(self, events: list[tuple[str, bytes]], answers: Answers) -> None:
        if events:
            self._keep(read_frames(self.user.process(event_bundle(events, answers))))

    def _keep(self, frames: list[Frame]) -> list[Frame]:
        for tag, key, payload in frames:
            if tag in _KEPT:
                self.out.setdefault(tag, []).append((key, payload))
        return [frame for frame in frames if frame[0] in _BETWEEN_STAGES]
