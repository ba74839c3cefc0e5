"""The decision on one event, as it leaves the system."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from features.batch import Batch
from features.layout import DUPLICATE, LATE
from patterns.policy import ACTIONS
from pipeline.explanation import Explanations
from pipeline.scorer import NOT_SCORED, Verdicts


class Decision(msgspec.Struct, gc=False):
    """A record of the topic ``decisions``. Times are milliseconds since the epoch; missing numbers are null.

    `event` holds the numeric fields of the event in major units: with `features` it is all that a learner needs.
    """

    event_id: str
    revision: int
    event_time: int
    user: str
    entities: dict[str, str]
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
    verdicts: Verdicts, batch: Batch, missing: list[bool], arrived_ms: list[int], processed_at_ms: float
) -> Iterator[Decision | None]:
    """A decision a row, one at a time; ``None`` for events that get no new one (duplicates, too late, id reused).

    Args:
        missing: rows decided without an entity's answer.
        arrived_ms: when the broker had each event.
        processed_at_ms: now.
    """
    release = verdicts.release
    explanations = Explanations(verdicts)
    kinds = list(batch.entities)
    entities = list(zip(*batch.entities.values(), strict=True)) if kinds else [()] * len(batch)
    numbers = (batch.numbers / release.schema.scales).tolist()
    features, scores = verdicts.features.tolist(), verdicts.scores.tolist()
    flags, actions = verdicts.flags.tolist(), verdicts.actions.tolist()
    times_ms = batch.times_ms.tolist()
    snapshots = [verdicts.snapshots.get(name) for name in verdicts.models]
    raw = np.column_stack(list(verdicts.models.values())).tolist() if verdicts.models else [[]] * len(batch)
    event_shape, feature_shape, model_shape = release.event_shape, release.feature_shape, release.model_shape
    for row in range(len(batch)):
        if flags[row] & NOT_SCORED:
            yield None
            continue
        score = scores[row]
        yield Decision(
            batch.ids[row],
            0,
            times_ms[row],
            batch.users[row],
            dict(zip(kinds, entities[row], strict=True)),
            score,
            ACTIONS[actions[row]],
            explanations.reasons(row),
            explanations.contributions(row),
            [],
            event_shape(*numbers[row]),
            feature_shape(*features[row]),
            model_shape(*map(ModelScore, raw[row], snapshots)),
            release.id,
            flag_names(flags[row], missing[row], warming=score != score),
            int(processed_at_ms),
            processed_at_ms - arrived_ms[row],
        )


def reply_of(decision: Decision) -> Reply:
    """The short form of `decision`."""
    return Reply(decision.event_id, decision.revision, decision.score, decision.action, decision.reasons, decision.flags, decision.release)


def flag_names(flags: int, degraded: bool, warming: bool) -> list[str]:
    """Flags in words: late, duplicate, warming (no model was ready), degraded (decided without an entity's answer)."""
    names = []
    if flags & LATE:
        names.append("late")
    if flags & DUPLICATE:
        names.append("duplicate")
    if warming:
        names.append("warming")
    if degraded:
        names.append("degraded")
    return names
