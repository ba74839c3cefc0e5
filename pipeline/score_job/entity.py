"""In the entity stage every further entity, keyed by (kind, id), answers with its features as of each event."""

import logging

import numpy as np
from numpy.typing import NDArray

from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from pipeline.engine.definitions.release import Release
from pipeline.engine.profile_store import BYTES_MAX
from pipeline.flink.state import BulkState, KeyedProfiles
from pipeline.score_job.profile_stage import ProfileStage
from pipeline.score_job.refused_frames import Raised
from pipeline.wire.bodies import read_keyed_body
from pipeline.wire.bundle import Bundle
from pipeline.wire.declaration import ENTITY_SEPARATOR, MESSAGE_BODY
from pipeline.wire.frames import add_answer

MESSAGES = "entity-messages"
"""A dead letter of this stage names no topic."""

log = logging.getLogger(__name__)


class EntityStage(ProfileStage):
    """Turns messages to entities into answers for the user stage.

    Args:
        state: Flink's keyed state of the operator.
        kept_ms: how long the state keeps what is not written; 0 means for ever.
        profiles_bytes_max: see `Scorer`.
    """

    NAME = "entity stage"

    def __init__(self, state: BulkState, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX) -> None:
        super().__init__(KeyedProfiles(state, False, kept_ms), profiles_bytes_max)

    def _release_of(self, bundle: Bundle) -> Release | None:
        return self.definitions.releases.get(bundle.release)

    def _own_without_release(self, bundle: Bundle) -> bytes:
        """Gives no answers, because only its own release says what the words of a row mean. The event is decided without them, degraded."""
        log.error("release %d cannot be had: %d messages to entities are passed over", bundle.release, bundle.n)
        return b""

    def _refuse_own(self, bundle: Bundle, release: Release, raised: Raised) -> bytes:
        """Lets the event go on without this entity's answer, as if it had not come in time."""
        return raised.frame(bytes(bundle.bodies[0]), topic=MESSAGES)

    def _own(self, bundle: Bundle, release: Release) -> bytes:
        messages = [_Message(body) for body in bundle.bodies]
        kinds = {message.kind for message in messages}
        frames: list[bytes] = []
        for kind in kinds:
            own = messages if len(kinds) == 1 else [message for message in messages if message.kind == kind]
            batch, values = _batch_of(own, len(release.features.plans[kind].columns))
            answers = self._scorer.observe(release, kind, [message.key for message in own], batch, values)
            width = answers.shape[1] * 8
            packed = np.ascontiguousarray(answers).tobytes()
            for position, message in enumerate(own):
                add_answer(frames, message.user, message.uid, message.at, packed[position * width : (position + 1) * width])
        return b"".join(frames)


class _Message:
    """Holds the parts of a message: its entity, the place of its answer, and what the profile needs of the event."""

    __slots__ = ("at", "head", "key", "kind", "uid", "user", "words")

    def __init__(self, body: memoryview) -> None:
        name, rest = read_keyed_body(body)
        self.kind, _, self.key = str(name, "utf-8").partition(ENTITY_SEPARATOR)
        _, _, _, self.uid, self.at, user_length, _ = MESSAGE_BODY.unpack_from(rest)
        end = MESSAGE_BODY.size + user_length
        self.head = rest[: MESSAGE_BODY.size]
        self.user = bytes(rest[MESSAGE_BODY.size : end])
        self.words = rest[end:]


_HEADS = MESSAGE_BODY.dtype()


def _batch_of(messages: list[_Message], columns: int) -> tuple[Batch, NDArray[np.float64]]:
    """Returns the events as their entities know them, and their row words [n, columns]."""
    heads = np.frombuffer(b"".join([message.head for message in messages]), _HEADS)
    n = len(messages)
    values = np.frombuffer(b"".join([message.words for message in messages])).reshape(n, columns)
    times_ms, id_keys, orders, ops = (np.ascontiguousarray(heads[name]) for name in ("time_ms", "id_key", "order_key", "op"))
    keys, users = [message.key for message in messages], [str(message.user, "utf-8") for message in messages]
    return Batch(keys, id_keys, orders, times_ms, users, {}, np.empty((n, 0)), id_keys, {}, ops), values


def make_stage(state: BulkState, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX) -> EntityStage:
    """Makes the stage for the score job, with its kernels loaded, because the first event must not wait for them."""
    compile_kernels()
    return EntityStage(state, kept_ms, profiles_bytes_max)
