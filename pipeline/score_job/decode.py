"""In the first stage bytes become events, which are stamped with release and snapshots, or dead letters with their reason."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import RIVER
from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.event import ADD
from foundation.refusal import Refusal
from pipeline.control.definitions import Definitions
from pipeline.control.snapshots_to_come import SnapshotsToCome
from pipeline.engine.decisions.answers import width_of
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import FAULT_MET, one_by_one
from pipeline.score_job.control_bundle import take_control
from pipeline.score_job.event_body import event_body
from pipeline.score_job.handed_on import Frame
from pipeline.score_job.refused_frames import Raised, no_release, refused, refused_reply
from pipeline.score_job.stamped import OfKind, Stamped, Taken
from pipeline.wire.bodies import RawRecord, read_raw_record
from pipeline.wire.bundle import read_bundle
from pipeline.wire.declaration import ENTITY_SEPARATOR, MESSAGE_BODY, UID_OFFSET_BITS, Kind
from pipeline.wire.frames import add_event, add_message, write_frames

log = logging.getLogger(__name__)


class DecodeStage:
    """Turns each raw Kafka record into an event for the user stage and a message for each entity, or into a dead letter."""

    def __init__(self) -> None:
        self._to_come = SnapshotsToCome(self.models_of_river)
        self.definitions = Definitions(self._to_come)
        self._decoder: tuple[Release, Decoder] | None = None
        self._raised_in_a_row = 0

    def process(self, data: bytes) -> bytes:
        """Returns the frames for one bundle of control or raw records. It costs about 3 µs an event."""
        bundle = read_bundle(data)
        if bundle.kind == Kind.CONTROL:
            take_control(bundle, self.definitions)
            return b""
        records = list(zip(map(read_raw_record, bundle.bodies), bundle.positions.tolist(), strict=True))
        run = lambda part: _encoded(self._decoded(part))  # noqa: E731 - what cannot be encoded costs its own record, too
        return b"".join(one_by_one(records, run, lambda: None, lambda record, error: _encoded(self._refuse(record, error))))

    def take(self, records: Sequence[tuple[RawRecord, int]]) -> list[Frame | Stamped]:
        """Returns what comes of raw records, each with how far the topic `models` had been read when it came."""
        parts = one_by_one(records, self._decoded, lambda: None, self._refuse)
        return parts[0] if len(parts) == 1 else [output for part in parts for output in part]

    def _decoded(self, records: Sequence[tuple[RawRecord, int]]) -> list[Frame | Stamped]:
        outputs: list[Frame | Stamped] = []
        taken: list[Taken] = []
        in_force: tuple[Release, Decoder] | None = None  # one for all: a newer one may be compiled at any moment
        awaits_models = self.definitions.releases.deferring and not self._to_come.are_there
        for (partition, offset, at_ms, newest_ms, reply, value), position in records:
            try:
                in_force = in_force or self._in_force()
                event = in_force[1].decode(value, at_ms, reply)
            except Refusal as refusal:
                outputs.append(refused(refusal, value, partition, offset, at_ms))
                if reply:
                    outputs.append(refused_reply(self.definitions.newest, str(refusal), value, reply))
                continue
            if awaits_models:
                position = self._to_come.read_until(position)
            # Among events that are ordered by time a correction stands where it was sent: its event's place may be long past.
            turn_ms = event.time_ms if event.op == ADD else max(event.time_ms, newest_ms)
            taken.append(Taken(event, value, partition << UID_OFFSET_BITS | offset, turn_ms, position))
        if taken and in_force is not None:
            release = in_force[0]
            batch = Batch.of([each.event for each in taken], release.schema)
            outputs.append(Stamped(release, batch, taken, *_kinds_of(release, batch)))
            self._raised_in_a_row = 0
            self.definitions.begun()
        return outputs

    def models_of_river(self) -> set[str]:
        """Returns the names of the models that River runs, of the release that the latest event was read by."""
        return set() if self._decoder is None else {model.name for model in self._decoder[0].models if model.model in RIVER}

    def _refuse(self, record: tuple[RawRecord, int], error: Exception) -> list[Frame | Stamped]:
        partition, offset, at_ms, _, reply, value = record[0]
        log.error("a record is set aside, for processing it raised an exception", exc_info=error)
        release = self.definitions.newest
        self._raised_in_a_row += 1
        raised = Raised("decode stage", release, error, self._raised_in_a_row)
        frame = raised.frame(value, partition, offset, at_ms)
        return [frame, refused_reply(release, FAULT_MET, value, reply)] if reply else [frame]

    def _in_force(self) -> tuple[Release, Decoder]:
        release = self.definitions.newest
        if release is None:
            raise no_release()
        if self._decoder is None or self._decoder[0] is not release:
            self._decoder = (release, Decoder(release.schema))
        return self._decoder


def _encoded(outputs: list[Frame | Stamped]) -> bytes:
    """Returns the frames; each event stands behind the messages to its entities."""
    frames: list[bytes] = []
    for output in outputs:
        if isinstance(output, Stamped):
            _add_frames(frames, output)
        else:
            frames.append(write_frames([output]))
    return b"".join(frames)


def _add_frames(frames: list[bytes], stamped: Stamped) -> None:
    release, batch, taken, own, width = stamped
    rules = release.rules.of_entities
    kinds = [
        ((each.kind + ENTITY_SEPARATOR).encode(), each.keys, _words(each.values), 8 * each.values.shape[1], each.at, each.kind in rules)
        for each in own
    ]
    for place, (order_key, (event, value, uid, turn_ms, snapshots)) in enumerate(zip(batch.orders.tolist(), taken, strict=True)):
        user, order, answers = event.user.encode(), event.order, 0
        for prefix, keys, words, size, at, ruled in kinds:
            if keys[place]:
                head = MESSAGE_BODY.pack(event.time_ms, event.id_key, order_key, uid, at, len(user), event.op)
                fields = event_body(event, order_key, b"") if ruled else b""
                body = b"".join((head, user, words[place * size : (place + 1) * size], fields))
                add_message(frames, prefix + keys[place].encode(), turn_ms, uid, release.id, snapshots, order + b"\0" + user, body)
                answers += 1
        body = event_body(event, order_key, value)
        add_event(frames, user, turn_ms, uid, release.id, snapshots, width, answers, order, body)


def _words(values: NDArray[np.float64]) -> bytes:
    return np.ascontiguousarray(values).tobytes()


def _kinds_of(release: Release, batch: Batch) -> tuple[list[OfKind], int]:
    """Returns the messages to each kind of entity of which there are any, and the bytes of the answers of all kinds; see
    `pipeline.engine.decisions.answers`."""
    kinds, at = [], 0
    for kind in release.entity_kinds():
        keys = release.features.key(kind, batch)
        if any(keys):
            kinds.append(OfKind(kind, keys, release.features.plans[kind].row_values.of(batch), at))
        at += 8 * width_of(release, kind)
    return kinds, at


def make_stage(config: dict[str, str] | None = None) -> DecodeStage:
    """Makes the stage for the score job."""
    stage = DecodeStage()
    stage.definitions.compile_beside(defer=True)
    return stage
