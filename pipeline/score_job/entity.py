"""In the entity stage every further entity, keyed by (kind, id), answers with its features as of each event."""

import logging

import numpy as np
from numpy.typing import NDArray

from features.profiles.warm_kernels import compile_kernels
from patterns.thresholds.threshold import is_threshold
from pipeline.control.known_snapshots import KnownSnapshots
from pipeline.engine.definitions.release import Release
from pipeline.engine.profile_store import BYTES_MAX
from pipeline.flink.state import BulkState, KeyedProfiles, ProfileRows
from pipeline.score_job.event_body import bodies_of
from pipeline.score_job.handed_on import Answered, Messages, entity_batch
from pipeline.score_job.profile_stage import ProfileStage
from pipeline.score_job.refused_frames import Raised
from pipeline.score_job.undoable import Outputs
from pipeline.wire.bodies import read_keyed_body
from pipeline.wire.bundle import Bundle
from pipeline.wire.declaration import ENTITY_SEPARATOR, MESSAGE_BODY
from pipeline.wire.frames import add_answer, write_frames

MESSAGES = "entity-messages"
"""A dead letter of this stage names no topic."""

log = logging.getLogger(__name__)


class EntityStage(ProfileStage[Messages]):
    """Turns messages to entities into answers for the user stage.

    Args:
        state: Flink's keyed state of the operator.
        kept_ms: how long the state keeps what is not written; 0 means for ever.
        profiles_bytes_max: see `Scorer`.
    """

    NAME = "entity stage"

    def __init__(self, state: BulkState | ProfileRows, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX) -> None:
        super().__init__(KeyedProfiles(state, False, kept_ms), profiles_bytes_max, KnownSnapshots(wanted=is_threshold))

    def _release_of(self, bundle: Bundle | Messages) -> Release | None:
        return self.definitions.releases.get(bundle.release)

    def _own_without_release(self, bundle: Bundle | Messages) -> Outputs:
        """Gives no answers, because only its own release says what the words of a row mean. The event is decided without them, degraded."""
        log.error("release %d cannot be had: %d messages to entities are passed over", bundle.release, bundle.n)
        return []

    def _refuse_own(self, bundle: Bundle | Messages, release: Release, raised: Raised) -> Outputs:
        """Lets the event go on without this entity's answer, as if it had not come in time."""
        return [raised.frame(bundle.body(), topic=MESSAGES)]

    def _own(self, bundle: Bundle | Messages, release: Release) -> Outputs:
        self._equip(release)
        each = [bundle] if isinstance(bundle, Messages) else _messages_in(bundle, release)
        return [Answered(part, self._observed(release, part)) for part in each]

    def _observed(self, release: Release, part: Messages) -> NDArray[np.float64]:
        return self._scorer.observe(release, part.entity, part.batch.ids, part.batch, part.values, part.fields, part.positions)

    def _encoded(self, outputs: Outputs) -> bytes:
        frames: list[bytes] = []
        for output in outputs:
            if isinstance(output, Answered):
                _add_answers(frames, output)
            else:
                frames.append(write_frames([output]))
        return b"".join(frames)


def _add_answers(frames: list[bytes], answered: Answered) -> None:
    messages, numbers = answered
    width = numbers.shape[1] * 8
    packed = np.ascontiguousarray(numbers).tobytes()
    for row, (user, uid, at) in enumerate(zip(messages.batch.users, messages.uids, messages.ats, strict=True)):
        add_answer(frames, user.encode(), uid, at, packed[row * width : (row + 1) * width])


class _Message:
    """Holds the parts of a message: its entity, what the profile needs of the event, and in `rest` the row words and what rules read."""

    __slots__ = ("head", "key", "kind", "rest", "user")

    def __init__(self, body: memoryview) -> None:
        name, rest = read_keyed_body(body)
        self.kind, _, self.key = str(name, "utf-8").partition(ENTITY_SEPARATOR)
        end = MESSAGE_BODY.size + MESSAGE_BODY.unpack_from(rest)[5]
        self.head = rest[: MESSAGE_BODY.size]
        self.user = str(rest[MESSAGE_BODY.size : end], "utf-8")
        self.rest = rest[end:]


_HEADS = MESSAGE_BODY.dtype()


def _messages_in(bundle: Bundle, release: Release) -> list[Messages]:
    """Returns the messages of a bundle by the kinds of their entities."""
    messages = [_Message(body) for body in bundle.bodies]
    kinds = dict.fromkeys(message.kind for message in messages)
    if len(kinds) == 1:
        return [_columns_of(messages, bundle.positions, release)]
    places = {kind: [at for at, message in enumerate(messages) if message.kind == kind] for kind in kinds}
    return [_columns_of([messages[at] for at in own], bundle.positions[own], release) for own in places.values()]


def _columns_of(messages: list[_Message], positions: NDArray[np.int64], release: Release) -> Messages:
    """Returns messages to entities of one kind as columns."""
    kind = messages[0].kind
    columns = len(release.features.plans[kind].columns)
    heads = np.frombuffer(b"".join([message.head for message in messages]), _HEADS)
    values = np.frombuffer(bytearray().join([message.rest[: 8 * columns] for message in messages])).reshape(len(messages), columns)
    fields = None
    if kind in release.rules.of_entities:
        fields = bodies_of(release.schema).read([message.rest[8 * columns :] for message in messages]).batch
    times_ms, id_keys, orders, ops = (np.ascontiguousarray(heads[name]) for name in ("time_ms", "id_key", "order_key", "op"))
    keys, users = [message.key for message in messages], [message.user for message in messages]
    batch = entity_batch(keys, users, id_keys, orders, times_ms, ops)
    return Messages(kind, release.id, batch, values, heads["uid"].tolist(), heads["at"].tolist(), slice(None), positions, fields)


def make_stage(state: BulkState, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX) -> EntityStage:
    """Makes the stage for the score job, with its kernels loaded, because the first event must not wait for them."""
    compile_kernels()
    stage = EntityStage(state, kept_ms, profiles_bytes_max)
    stage.definitions.compile_beside(defer=True)
    return stage
