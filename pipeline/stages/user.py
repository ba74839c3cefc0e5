"""The user stage: an event with its entities' answers becomes a decision."""

import base64
import logging
import time
from collections.abc import Callable

import msgspec
import numpy as np

from features.batch import Batch
from features.event import Event
from features.layout import DUPLICATE, ID_REUSED, TOO_LATE
from features.profile import compile_kernels
from features.refusal import Refusal
from patterns.policy import ACTIONS
from pipeline.decision import Reply, decisions_of, reply_of
from pipeline.frames import Bundle, add_record, read_bundle, topic_frame
from pipeline.release import Release
from pipeline.scorer import NOT_SCORED, Scorer, Verdicts
from pipeline.stages.decode import refused, take_control
from pipeline.stages.definitions import Definitions
from pipeline.stages.labels import take_labels
from pipeline.stages.state import BulkState, KeyedProfiles

log = logging.getLogger(__name__)

_decode_event = msgspec.msgpack.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode


class UserStage:
    """Events in; decisions, replies, late events and reused ids out.

    Args:
        state: Flink's keyed state of the operator.
        clock: seconds since the epoch; gives `processed_at` and nothing else.
    """

    def __init__(self, state: BulkState, clock: Callable[[], float] = time.time) -> None:
        self._definitions = Definitions()
        self._definitions.watch(self._install)
        self._scorer = Scorer(KeyedProfiles(state, user_kind=True))
        self._clock = clock

    def process(self, data: bytes) -> bytes:
        """Frames for one bundle of control records, labels or events."""
        bundle = read_bundle(data)
        if bundle.kind == "C":
            take_control(bundle, self._definitions)
            return b""
        if bundle.kind == "S":
            self._scorer.save()
            return b""
        if bundle.kind == "L":
            return take_labels(bundle, self._definitions.newest, self._scorer)
        return self._decide(bundle, self._definitions.releases[bundle.release])

    def _install(self) -> None:
        release = self._definitions.newest
        if release is not None:
            for snapshot in self._definitions.snapshots.values():
                try:
                    self._scorer.install(snapshot, release)
                except (ValueError, KeyError) as error:
                    log.error("snapshot %d of %s is not in force: %s", snapshot.sequence, snapshot.model, error)

    def _decide(self, bundle: Bundle, release: Release) -> bytes:
        events, values = [], []
        for body in bundle.bodies:
            end = 4 + int.from_bytes(body[:4], "little")
            events.append(_decode_event(body[4:end]))
            values.append(body[end:])
        batch = Batch.of(events, release.schema)
        features = np.full((len(batch), len(release.features.names)), np.nan)
        first = 0
        for kind in release.entity_kinds():
            columns = release.features.columns[kind]
            width = release.features.plans[kind].width
            if bundle.tail is not None:
                features[:, columns] = bundle.tail[:, first : first + width]
            first += width
        verdicts = self._scorer.decide(release, batch, features)
        return b"".join(self._frames(bundle, verdicts, batch, events, values))

    def _frames(self, bundle: Bundle, verdicts: Verdicts, batch: Batch, events: list[Event], values: list[memoryview]) -> list[bytes]:
        frames: list[bytes] = []
        arrived_ms = np.array([event.arrived_ms for event in events])
        decisions = decisions_of(verdicts, batch, bundle.missing, arrived_ms, self._clock() * 1000)
        scored = ((verdicts.flags & NOT_SCORED) == 0).tolist()
        for row, (decision, event) in enumerate(zip(decisions, events, strict=True)):
            if not scored[row]:
                frames += _not_scored(verdicts, row, event, bytes(values[row]))
                continue
            add_record(frames, b"D", event.user.encode(), _encode(decision))
            if event.reply:
                add_record(frames, b"R", event.reply.encode(), _encode(reply_of(decision)))
        return frames


def _not_scored(verdicts: Verdicts, row: int, event: Event, value: bytes) -> list[bytes]:
    """What leaves for an event without a decision of its own: the first answer again, or where it went and why."""
    frames: list[bytes] = []
    flags = int(verdicts.flags[row])
    reasons: list[str] = []
    score = float(verdicts.scores[row])
    if flags & ID_REUSED:
        refusal = Refusal("id_reused", where=event.id, expected="an id of its own for each event", got="another body under the same id")
        frames.append(refused(refusal, value, at_ms=event.arrived_ms))
        reasons = [str(refusal)]
    elif flags & TOO_LATE:
        lateness_ms = verdicts.release.schema.lateness_ms
        reasons = [f"too late: more than {lateness_ms} ms before the user's newest event"]
        record = {
            "reason": reasons[0],
            "event_id": event.id,
            "user": event.user,
            "event_time": event.time_ms,
            "value": base64.b64encode(value).decode(),
        }
        frames.append(topic_frame("T", event.user, _encode(record)))
    if event.reply:
        action = ACTIONS[verdicts.actions[row]] if flags & DUPLICATE else verdicts.release.policy.fallback.action
        names = ["duplicate"] if flags & DUPLICATE else ["degraded"]
        reply = Reply(event.id, 0, score, action, reasons, names, int(verdicts.releases[row]))
        frames.append(topic_frame("R", event.reply, _encode(reply)))
    return frames


def make_stage(state: BulkState) -> UserStage:
    """The stage as the score job asks for it, with its kernels loaded: the first event must not wait for them."""
    compile_kernels()
    return UserStage(state)
