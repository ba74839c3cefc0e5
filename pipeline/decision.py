"""The decision on one event, as it leaves the system."""

from collections.abc import Iterator
from itertools import repeat, starmap
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.batch import Batch
from features.layout import DUPLICATE, LATE
from patterns.policy import ACTIONS
from pipeline.explanation import Explanations
from pipeline.verdicts import Verdicts


class Decision(msgspec.Struct, gc=False):
    """A record of the topic ``decisions``. Times are milliseconds since the epoch; missing numbers are null.

    `event` holds the numeric fields of the event in major units: with `features` it is all that a learner needs.
    """

    event_id: str
    revision: int
    event_time: int
    user: str
    entities: Any
    score: float
    action: str
    reasons: list[str]
    contributions: Any
    matches: list[Any]
    event: Any
    features: Any
    models: Any
    release: int
    flags: list[str]
    processed_at: int
    latency_ms: float


class Reply(msgspec.Struct):
    """The short form that the API process which waits is sent."""

    event_id: str
    revision: int
    score: float
    action: str
    reasons: list[str]
    flags: list[str]
    release: int


class ModelScore(msgspec.Struct, gc=False):
    """A model's raw score, and the number of the snapshot that gave it; a detector of the user's own has none."""

    score: float
    snapshot: int | None


def decisions_of(
    verdicts: Verdicts, batch: Batch, missing: NDArray[np.uint8], arrived_ms: NDArray[np.int64], processed_at_ms: float
) -> Iterator[Decision]:
    """A decision a row, each made when it is asked for, so that one at a time is in memory.

    Columns meet in C: no line of Python runs for a row. Those of events that get no new decision (`NOT_SCORED`) mean nothing.

    Args:
        missing: 1 where an event was decided without an entity's answer.
        arrived_ms: when the broker had each event.
        processed_at_ms: now.
    """
    release = verdicts.release
    explanations = Explanations(verdicts)
    kinds = list(batch.entities.values())
    snapshots = [repeat(verdicts.snapshots.get(name)) for name in verdicts.models]
    scores = [map(ModelScore, raw.tolist(), snapshot) for raw, snapshot in zip(verdicts.models.values(), snapshots, strict=True)]
    numbers = (batch.numbers / release.schema.scales).tolist()
    warming = np.isnan(verdicts.scores)
    flags = (verdicts.flags & (LATE | DUPLICATE)) | missing.astype(np.uint8) * _DEGRADED | warming * np.uint8(_WARMING)
    return map(
        Decision,
        batch.ids,
        repeat(0),
        batch.times_ms.tolist(),
        batch.users,
        map(release.entity_shape, *kinds) if kinds else repeat({}),
        verdicts.scores.tolist(),
        map(ACTIONS.__getitem__, verdicts.actions.tolist()),
        explanations.reasons(),
        explanations.contributions(),
        repeat([]),
        starmap(release.event_shape, numbers),
        starmap(release.feature_shape, verdicts.features.tolist()),
        map(release.model_shape, *scores) if scores else repeat({}),
        repeat(release.id),
        map(_FLAG_NAMES.__getitem__, flags.tolist()),
        repeat(int(processed_at_ms)),
        (processed_at_ms - arrived_ms).tolist(),
    )


def reply_of(decision: Decision) -> Reply:
    """The short form of `decision`."""
    return Reply(decision.event_id, decision.revision, decision.score, decision.action, decision.reasons, decision.flags, decision.release)


def flag_names(flags: int) -> list[str]:
    """Flags in words: late, duplicate, warming (no model was ready), degraded (decided without an entity's answer)."""
    words = {LATE: "late", DUPLICATE: "duplicate", _WARMING: "warming", _DEGRADED: "degraded"}
    return [word for bit, word in words.items() if flags & bit]


_WARMING, _DEGRADED = 64, 128
_FLAG_NAMES = [flag_names(flags) for flags in range(256)]
