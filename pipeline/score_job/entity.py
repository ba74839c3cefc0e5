"""The entity stage: every kind of further entity, keyed by (kind, id), answers what it knows as of each event."""

import logging

import numpy as np
from numpy.typing import NDArray

from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from pipeline.control.definitions import Definitions
from pipeline.engine.isolation import fault_of
from pipeline.engine.profile_store import BYTES_MAX
from pipeline.engine.release import Release
from pipeline.engine.scorer import Scorer
from pipeline.flink.frames import Bundle, add_answer, read_bundle
from pipeline.flink.state import BulkState, KeyedProfiles
from pipeline.score_job.decode import MESSAGE, refused, take_control
from pipeline.score_job.labels import refused_label, take_labels
from pipeline.score_job.undoable import UndoableBundles

MESSAGES = "entity-messages"
"""Where a dead letter of this stage comes from: from no topic."""

log = logging.getLogger(__name__)


class EntityStage:
    """Messages of entities in, answers for the user stage out.

    Args:
        state: Flink's keyed state of the operator.
        kept_ms: how long the state keeps what is not written; 0: for ever.
        profiles_bytes_max: see `Scorer`.
    """

    def __init__(self, state: BulkState, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX) -> None:
        self.definitions = Definitions()
        self._scorer = Scorer(KeyedProfiles(state, False, kept_ms), profiles_bytes_max)
        self._bundles = UndoableBundles(self._scorer, self._run, self._refuse)
        self.passed_over = 0

    def process(self, data: bytes) -> bytes:
        """Frames for one bundle of control records, labels or messages."""
        bundle = read_bundle(data)
        if bundle.kind in "CS":
            self._bundles.save()
            if bundle.kind == "C":
                take_control(bundle, self.definitions)
            return b""
        release = self.definitions.newest if bundle.kind == "L" else self.definitions.releases.get(bundle.release)
        if release is not None:
            return self._bundles.process(data, bundle, release)
        # What the words of a row mean only its own release says. Without an answer its event is decided all the same, degraded.
        self.passed_over += bundle.n
        log.error("release %d cannot be had: %d messages to entities are passed over", bundle.release, bundle.n)
        return b""

    def _run(self, bundle: Bundle, release: Release) -> bytes:
        return take_labels(bundle, release, self._scorer) if bundle.kind == "L" else self._answers(bundle, release)

    def _refuse(self, bundle: Bundle, release: Release, error: Exception, in_a_row: int) -> bytes:
        """The event goes on without this entity's answer, as if it had not come in time."""
        if bundle.kind == "L":
            return refused_label(bundle.bodies[0], error, "entity stage")
        more = {"topic": MESSAGES, "release": str(release.id), "in_a_row": str(in_a_row)}
        return refused(fault_of(error, "entity stage"), bytes(bundle.bodies[0]), -1, -1, 0, **more)

    def _answers(self, bundle: Bundle, release: Release) -> bytes:
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
                head = message.head
                add_answer(frames, message.user, head[3], head[4], packed[position * width : (position + 1) * width])
        return b"".join(frames)


class _Message:
    """A message taken apart: whose it is, and what the profile needs of the event."""

    __slots__ = ("head", "key", "kind", "user", "words")

    def __init__(self, body: memoryview) -> None:
        start = 2 + (body[0] | body[1] << 8)
        self.kind, _, self.key = str(body[2:start], "utf-8").partition("\0")
        self.head = MESSAGE.unpack_from(body, start)
        first = start + MESSAGE.size
        end = first + self.head[5]
        self.user = bytes(body[first:end])
        self.words = body[end:]


def _batch_of(messages: list[_Message], columns: int) -> tuple[Batch, NDArray[np.float64]]:
    """The events as their entities know them, and their row words, [n, columns]."""
    heads = np.array([message.head for message in messages], np.int64)
    n = len(messages)
    values = np.frombuffer(b"".join([message.words for message in messages])).reshape(n, columns)
    times_ms, id_keys, orders = (np.ascontiguousarray(heads[:, column]) for column in range(3))
    keys, users = [message.key for message in messages], [str(message.user, "utf-8") for message in messages]
    return Batch(keys, id_keys, orders, times_ms, users, {}, np.empty((n, 0)), id_keys, {}, heads[:, 6].astype(np.int8)), values


def make_stage(state: BulkState, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX) -> EntityStage:
    """The stage as the score job asks for it, with its kernels loaded: the first event must not wait for them."""
    compile_kernels()
    return EntityStage(state, kept_ms, profiles_bytes_max)
