"""The decision on one event, as it leaves the system."""

import msgspec

from features.batch import Batch
from features.layout import DUPLICATE, LATE
from patterns.policy import ACTIONS
from pipeline.explanation import Explanations
from pipeline.scorer import NOT_SCORED, Verdicts


class Decision(msgspec.Struct):
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
    contributions: dict[str, object]
    matches: list[object]
    event: dict[str, float]
    features: dict[str, float]
    models: dict[str, dict[str, float | int | None]]
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


def decisions_of(
    verdicts: Verdicts, batch: Batch, missing: list[bool], arrived_ms: list[int], processed_at_ms: float
) -> list[Decision | None]:
    """A decision a row; ``None`` for events that get no new one (duplicates, too late, id reused).

    Args:
        missing: rows decided without an entity's answer.
        arrived_ms: when the broker had each event.
        processed_at_ms: now.
    """
    release = verdicts.release
    explanations = Explanations(verdicts)
    names, columns = release.features.names, release.schema.columns
    kinds = list(batch.entities)
    features, scores = verdicts.features.tolist(), verdicts.scores.tolist()
    flags, actions = verdicts.flags.tolist(), verdicts.actions.tolist()
    times_ms = batch.times_ms.tolist()
    numbers = (batch.numbers / release.schema.scales).tolist()
    models = [(name, verdicts.snapshots.get(name), raw.tolist()) for name, raw in verdicts.models.items()]
    decisions: list[Decision | None] = []
    for row in range(len(batch)):
        if flags[row] & NOT_SCORED:
            decisions.append(None)
            continue
        decisions.append(
            Decision(
                batch.ids[row],
                0,
                times_ms[row],
                batch.users[row],
                {kind: batch.entities[kind][row] for kind in kinds},
                scores[row],
                ACTIONS[actions[row]],
                explanations.reasons(row),
                explanations.contributions(row),
                [],
                dict(zip(columns, numbers[row], strict=True)),
                dict(zip(names, features[row], strict=True)),
                {name: {"score": raw[row], "snapshot": snapshot} for name, snapshot, raw in models},
                release.id,
                flag_names(flags[row], missing[row], warming=scores[row] != scores[row]),
                int(processed_at_ms),
                processed_at_ms - arrived_ms[row],
            )
        )
    return decisions


def reply_of(decision: Decision) -> Reply:
    """The short form of `decision`."""
    return Reply(
        decision.event_id, decision.revision, decision.score, decision.action, decision.reasons, decision.flags, decision.release
    )


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
