"""The score job in one process: the three stages as they are, with plain Python where Flink and Java stand in between."""

import struct
from collections.abc import Mapping, Sequence

import msgspec

from pipeline.engine.release import content_hash
from pipeline.flink.frames import read_frames, unpack_keys, write_bundle
from pipeline.score_job.decode import RECORD, DecodeStage
from pipeline.score_job.entity import EntityStage
from pipeline.score_job.user import UserStage

ControlRecord = tuple[str, str, bytes | None]
NONE_MS = -(1 << 63)
"""The greatest event time of a partition that has had none."""
_NAN = struct.pack("<d", float("nan"))


class DictState:
    """`BulkState` in a dictionary, byte for byte as the Java class answers."""

    def __init__(self) -> None:
        self.heads: dict[bytes, bytes] = {}
        self.pages: dict[bytes, dict[int, bytes]] = {}

    def read(self, keys: bytes) -> bytes:
        wanted = unpack_keys(keys)
        heads = [self.heads.get(key) for key in wanted]
        pages = [(at, number, page) for at, key in enumerate(wanted) for number, page in self.pages.get(key, {}).items()]
        lengths = [-1 if head is None else len(head) for head in heads]
        parts = [struct.pack(f"<I{len(wanted)}i", len(wanted), *lengths), struct.pack("<I", len(pages))]
        parts += [struct.pack("<iiI", at, number, len(page)) for at, number, page in pages]
        return b"".join([*parts, *(head or b"" for head in heads), *(page for _, _, page in pages)])

    def write(self, keys: bytes, changes: bytes) -> None:
        names = unpack_keys(keys)
        take = _Reader(changes)
        lengths = [take.number() for _ in range(take.number())]
        puts = [(take.number(), take.number(), take.number()) for _ in range(take.number())]
        drops = [(take.number(), take.number()) for _ in range(take.number())]
        for key, length in zip(names, lengths, strict=True):
            self.heads[key] = take.bytes(length)
        for position, number, length in puts:
            self.pages.setdefault(names[position], {})[number] = take.bytes(length)
        for position, number in drops:
            self.pages.get(names[position], {}).pop(number, None)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        return int(struct.unpack("<i", self.bytes(4))[0])

    def bytes(self, length: int) -> bytes:
        self._at += length
        return self._data[self._at - length : self._at]


class OneProcess:
    """One subtask of each stage; what leaves is kept by tag: D decisions, R replies, X dead letters, T late events.

    Args:
        entity_state, user_state: of an earlier run.
        bounds: of the stages that have profiles; see there.
    """

    def __init__(self, entity_state: DictState | None = None, user_state: DictState | None = None, **bounds: int) -> None:
        self.entity_state, self.user_state = entity_state or DictState(), user_state or DictState()
        self.decode, self.entity = DecodeStage(), EntityStage(self.entity_state, **bounds)
        self.user = UserStage(self.user_state, clock=lambda: 1_700_000_000.0, **bounds)
        self.out: dict[str, list[tuple[str, bytes]]] = {}
        self._offset = 0

    def control(self, records: Sequence[ControlRecord]) -> None:
        """(``c`` or ``m``, key, value) records, to every stage; without a value it is one that took the key's record away."""
        bodies = [
            (topic if value is not None else topic.upper()).encode() + struct.pack("<H", len(key)) + key.encode() + (value or b"")
            for topic, key, value in records
        ]
        for stage in (self.decode, self.entity, self.user):
            self._keep(read_frames(stage.process(write_bundle("C", bodies))))

    def release(self, id: int, texts: Mapping[str, str]) -> None:
        """The release `id` of `texts`, by part, to every stage."""
        self.control(self.records_of(id, texts))

    @staticmethod
    def records_of(id: int, texts: Mapping[str, str]) -> list[ControlRecord]:
        """A release as its publisher writes it to the control topic: definitions first."""
        parts = {part: content_hash(text) for part, text in texts.items()}
        definitions: list[ControlRecord] = [("c", f"def:{content_hash(text)}", text.encode()) for text in texts.values()]
        return [*definitions, ("c", f"release:{id:010d}", msgspec.json.encode({"id": id, "parts": parts}))]

    def labels(self, records: Sequence[tuple[str, str, dict[str, object]]], user_kind: str) -> None:
        """(kind, id, resolved label) records, each to the stage that holds its kind."""
        for kind, key, label in records:
            name = f"{kind}\0{key}".encode()
            body = struct.pack("<H", len(name)) + name + msgspec.json.encode(label)
            stage = self.user if kind == user_kind else self.entity
            self._keep(read_frames(stage.process(write_bundle("L", [body]))))

    def events(self, values: Sequence[bytes], at_ms: int = 1 << 50, reply: str = "", lose_answers: bool = False) -> None:
        """Raw records in one bundle, through all stages."""
        self.arrive(self.stamp(values, at_ms, reply), lose_answers)

    def stamp(self, values: Sequence[bytes], at_ms: int = 1 << 50, reply: str = "") -> list[tuple[str, str, bytes]]:
        """Raw records through the decode stage alone: what is on its way to the others."""
        head = [RECORD.pack(0, self._offset + i, at_ms, NONE_MS, len(reply)) + reply.encode() + value for i, value in enumerate(values)]
        self._offset += len(values)
        return self._keep(read_frames(self.decode.process(write_bundle("R", head))))

    def arrive(self, frames: list[tuple[str, str, bytes]], lose_answers: bool = False) -> None:
        """What was on its way comes to the entity and the user stage."""
        messages = [(key, payload) for tag, key, payload in frames if tag == "k"]
        answers = {} if lose_answers or not messages else self._answers(messages)
        self._decide([(key, payload) for tag, key, payload in frames if tag == "e"], answers)

    def checkpoint(self) -> None:
        """What comes before a barrier: each stage writes its state."""
        for stage in (self.entity, self.user):
            self._keep(read_frames(stage.process(write_bundle("S", [b""]))))

    def decisions(self) -> list[dict[str, object]]:
        """All so far, decoded."""
        return [msgspec.json.decode(value) for _, value in self.out.get("D", [])]

    def _answers(self, messages: list[tuple[str, bytes]]) -> dict[tuple[str, int], list[tuple[int, bytes]]]:
        bodies = []
        release = 0
        for key, payload in messages:
            _, _, release, order = struct.unpack_from("<qqiH", payload)
            name = key.encode()
            bodies.append(struct.pack("<H", len(name)) + name + payload[22 + order :])
        answers: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        for _, user, payload in self._keep(read_frames(self.entity.process(write_bundle("K", bodies, release)))):
            uid, at = struct.unpack_from("<qH", payload)
            answers.setdefault((user, uid), []).append((at, payload[10:]))
        return answers

    def _decide(self, events: list[tuple[str, bytes]], answers: dict[tuple[str, int], list[tuple[int, bytes]]]) -> None:
        bodies, missing, tails, release = [], [], [], 0
        for user, payload in events:
            _, uid, release, width, expected, order = struct.unpack_from("<qqiHBH", payload)
            tail = bytearray(_NAN * (width // 8))
            got = answers.get((user, uid), [])
            for at, answer in got:
                tail[at : at + len(answer)] = answer
            bodies.append(payload[25 + order :])
            missing.append(int(len(got) < expected))
            tails.append(bytes(tail))
        if bodies:
            self._keep(read_frames(self.user.process(write_bundle("E", bodies, release, missing, tails if tails[0] else ()))))

    def _keep(self, frames: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
        for tag, key, payload in frames:
            if tag in "DRXT":
                self.out.setdefault(tag, []).append((key, payload))
        return [frame for frame in frames if frame[0] in "eka"]
