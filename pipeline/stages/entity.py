"""The entity stage: every kind of further entity, keyed by (kind, id), answers what it knows as of each event."""

import numpy as np

from features.batch import Batch
from features.profile import compile_kernels
from pipeline.frames import Bundle, answer_frame, read_bundle
from pipeline.release import Release
from pipeline.scorer import Scorer
from pipeline.stages.decode import MESSAGE, take_control
from pipeline.stages.definitions import Definitions
from pipeline.stages.labels import take_labels
from pipeline.stages.state import BulkState, KeyedProfiles


class EntityStage:
    """Messages of entities in, answers for the user stage out."""

    def __init__(self, state: BulkState) -> None:
        self._definitions = Definitions()
        self._scorer = Scorer(KeyedProfiles(state, user_kind=False))

    def process(self, data: bytes) -> bytes:
        """Frames for one bundle of control records, labels or messages."""
        bundle = read_bundle(data)
        if bundle.kind == "C":
            take_control(bundle, self._definitions)
            return b""
        if bundle.kind == "L":
            take_labels(bundle, self._definitions.newest, self._scorer)
            return b""
        return self._answers(bundle, self._definitions.releases[bundle.release])

    def _answers(self, bundle: Bundle, release: Release) -> bytes:
        rows_by_kind: dict[str, list[tuple[str, tuple[int, ...], bytes, bytes]]] = {}
        for body in bundle.bodies:
            raw = bytes(body)
            start = 2 + int.from_bytes(raw[:2], "little")
            kind, _, key = raw[2:start].decode().partition("\0")
            head = MESSAGE.unpack_from(raw, start)
            first = start + MESSAGE.size
            user_end = first + head[5]
            rows_by_kind.setdefault(kind, []).append((key, head, raw[first:user_end], raw[user_end:]))
        frames: list[bytes] = []
        for kind, rows in rows_by_kind.items():
            keys = [row[0] for row in rows]
            answers = self._scorer.observe(release, kind, keys, _batch_of(rows, len(release.schema.columns)))
            width = answers.shape[1] * 8
            packed = np.ascontiguousarray(answers).tobytes()
            for position, (_, head, user, _) in enumerate(rows):
                frames.append(answer_frame(user.decode(), head[3], head[4], packed[position * width : (position + 1) * width]))
        return b"".join(frames)


def _batch_of(rows: list[tuple[str, tuple[int, ...], bytes, bytes]], columns: int) -> Batch:
    heads = np.array([row[1] for row in rows], np.int64)
    numbers = np.frombuffer(b"".join(row[3] for row in rows)).reshape(len(rows), columns)
    times_ms, id_keys, orders = (np.ascontiguousarray(heads[:, column]) for column in range(3))
    return Batch([row[0] for row in rows], id_keys, orders, times_ms, [], {}, numbers, id_keys)


def make_stage(state: BulkState) -> EntityStage:
    """The stage as the score job asks for it, with its kernels loaded: the first event must not wait for them."""
    compile_kernels()
    return EntityStage(state)
