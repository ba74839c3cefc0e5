"""The profile of an entity as the API shows it: its latest score, the features of its newest decision, and its newest decisions."""

from collections import Counter

import msgspec

from api.http.problem import Problem
from pipeline.engine.fact_record import FactRecord
from stores.casework.notes import Note
from stores.casework.verdicts import Verdict
from stores.decisions import Decisions, LatestScore

Raw = msgspec.Raw


class Recent(msgspec.Struct):
    """The newest decisions on the entity's events, newest first, as they were served; `actions` counts them by action.

    `next` is the cursor of older ones, the parameter ``before`` of ``/v1/entities/{entity}/{id}/decisions``; null at the end.
    """

    actions: dict[str, int]
    decisions: list[Raw]
    next: str | None


class CaseOfEntity(msgspec.Struct):
    """A case about the entity that the caller may see. Times are ms since the epoch."""

    id: str
    typology: str
    title: str
    state: str
    verdict: str
    opened_at_ms: int
    closed_at_ms: int | None


class Remembered(msgspec.Struct):
    """What people said of an entity, whatever its events.

    `facts` are tags and overrides, too; `notes` are its newest ones. `verdicts` are the newest ones that stand, and `cases` those about it,
    as far as the caller may see them.
    """

    facts: list[FactRecord] = []
    notes: list[Note] = []
    verdicts: list[Verdict] = []
    cases: list[CaseOfEntity] = []


class Profile(msgspec.Struct):
    """The profile of an entity.

    `score`, `action`, `event_id`, `event_time` and `age_ms` are those of its latest score, null when none of its events has one.
    `features` are those of its newest decision, none where it has none. Times are ms since the epoch.
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
    remembered: Remembered = msgspec.field(default_factory=Remembered)


class _Served(msgspec.Struct):
    features: dict[str, float | None] = {}


def profile_of(decisions: Decisions, entity_type: str, id: str, limit: int, now_ms: int, remembered: Remembered) -> Profile:
    """The profile of an entity with the newest `limit` decisions on its events. It costs one read by key and one page.

    Raises:
        Problem: 404, the entity has no decision yet, and nobody said anything of it.
    """
    page = decisions.of_entity(entity_type, id, None, limit)
    if not page.decisions and remembered == Remembered():
        raise Problem(404, f"{entity_type} {id[:80]} has no decision yet")
    counts = Counter(decision.action for decision in page.decisions)
    recent = Recent(dict(counts), [Raw(decision.value) for decision in page.decisions], page.next)
    latest = decisions.latest(entity_type, id)
    age_ms = None if latest is None else max(0, now_ms - latest.event_time)
    features = _features_of(page.decisions[0].value) if page.decisions else {}
    return Profile(entity_type, id, *_latest_fields(latest), age_ms, features, recent, remembered)


def _features_of(value: bytes) -> dict[str, float | None]:
    """The features of a decision as it was served; none when they are not numbers, which another writer than the score job may do."""
    try:
        return msgspec.json.decode(value, type=_Served).features
    except (ValueError, RecursionError):
        return {}


def _latest_fields(latest: LatestScore | None) -> tuple[float | None, str | None, str | None, int | None]:
    return (None, None, None, None) if latest is None else (latest.score, latest.action, latest.event_id, latest.event_time)
