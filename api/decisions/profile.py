"""The profile of an entity: its latest score, the features of its newest decision, and what was decided lately."""

from collections import Counter

import msgspec

from api.http.problem import Problem
from stores.decisions import Decisions, LatestScore

Raw = msgspec.Raw


class Recent(msgspec.Struct):
    """Decisions on the entity's events, newest first, as served; `next` goes on as ``before`` of its decisions, null at the end.

    `actions` counts these decisions by action.
    """

    actions: dict[str, int]
    decisions: list[Raw]
    next: str | None


class Profile(msgspec.Struct):
    """What is known of an entity. `score`, `action` and `age_ms` are of its latest score, null where none of its events has one.

    `features` are those of its newest decision, as served; times are ms since the epoch.
    """

    entity: str
    id: str
    score: float | None
    action: str | None
    event_id: str | None
    event_time: int | None
    age_ms: int | None
    features: dict[str, float | None]
    recent: Recent


class _Served(msgspec.Struct):
    features: dict[str, float | None] = {}


def profile_of(decisions: Decisions, kind: str, id: str, limit: int, now_ms: int) -> Profile:
    """The profile of an entity with the newest `limit` decisions on its events. Reads two rows by key and one page.

    Raises:
        Problem: 404, it has no decision yet.
    """
    page = decisions.of_entity(kind, id, None, limit)
    if not page.decisions:
        raise Problem(404, f"{kind} {id[:80]} has no decision yet")
    counts = Counter(decision.action for decision in page.decisions)
    recent = Recent(dict(counts), [Raw(decision.value) for decision in page.decisions], page.next)
    latest = decisions.latest(kind, id)
    age_ms = None if latest is None else max(0, now_ms - latest.event_time)
    return Profile(kind, id, *_told(latest), age_ms, _features_of(page.decisions[0].value), recent)


def _features_of(value: bytes) -> dict[str, float | None]:
    """Those of a decision as served; none where it holds others than numbers, which only another writer than the score job gives it."""
    try:
        return msgspec.json.decode(value, type=_Served).features
    except (ValueError, RecursionError):
        return {}


def _told(latest: LatestScore | None) -> tuple[float | None, str | None, str | None, int | None]:
    return (None, None, None, None) if latest is None else (latest.score, latest.action, latest.event_id, latest.event_time)
