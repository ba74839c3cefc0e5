"""Routes that read: decisions, scores, what is flagged."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.decisions.profile import Profile, profile_of
from api.decisions.scores import Scores
from api.definitions.in_force import InForce
from api.http.entity_paths import decoded
from api.http.problem import Problem, as_response, json_answer
from api.http.responses import Score
from api.http.route_docs import OBJECT, told
from api.kafka.log import Clock
from patterns.matches import MATCHES_MAX
from patterns.policy import ACTIONS, DECIDERS
from pipeline.learning.label_resolver import of_several_users
from stores.decisions import Decisions, Page, StoredDecision

PAGE_MAX = 500
MATCH = OBJECT | {
    "description": "a rule that matched; `values` is what it found, `shadow` that it decided nothing",
    "required": ["pattern", "version", "action", "shadow", "values"],
    "properties": {
        "pattern": {"type": "string"},
        "version": {"type": "string"},
        "action": {"enum": list(ACTIONS)},
        "shadow": {"type": "boolean"},
        "values": OBJECT,
    },
}
DECISION = OBJECT | {
    "description": "a decision as it was served; one from before there were rules says neither what decided it nor how many matched",
    "properties": {
        "decided_by": {"enum": list(DECIDERS)},
        "matches": {"type": "array", "items": MATCH, "maxItems": MATCHES_MAX, "description": "the rule that decided, and others by weight"},
        "match_count": {"type": "integer", "minimum": 0, "description": "how many rules matched, those that are not named included"},
    },
}
PAGE = OBJECT | {"properties": {"decisions": {"type": "array", "items": DECISION}, "next": {"type": ["string", "null"]}}}
FLAGS = tuple(action for action in ACTIONS if action != "approve")


def make_reads(decisions: Decisions, scores: Scores, in_force: InForce, clock: Clock) -> APIRouter:
    """The routes over the store of decisions."""
    routes = APIRouter(tags=["decisions"])

    @routes.get("/decisions/{event_id:path}", summary="The decision on an event, as it was served", **told(DECISION, 404, 409))
    def decision(
        event_id: str, user: Annotated[str | None, Query(description="whose event it is, where several users have one with this id")] = None
    ) -> Response:
        """An id alone is answered where it stands for one event, else with 409 and `candidates`: user, event time and action of each."""
        found = decisions.get(event_id, user)
        if not found:
            of_user = "" if user is None else f" of user {user[:80]}"
            raise Problem(404, f"event {event_id[:80]}{of_user} has no decision, or none yet")
        if len(found) > 1:
            raise _of_several_users(event_id, found)
        return Response(found[0].value, media_type="application/json")

    @routes.get("/scores/{entity}/{id:path}", summary="The latest score of an entity: score, action, event and age", **told(Score, 404))
    async def score(entity: str, id: str) -> Response:
        return as_response(await scores.answer(f"{entity}/{id}", b""))

    @routes.get("/flagged", summary="Decisions to look at, by score", **told(PAGE))
    def flagged(
        action: Annotated[list[str] | None, Query(description="review, block or both")] = None,
        since: Annotated[int, Query(ge=0, le=1 << 62, description="event time in ms since the epoch")] = 0,
        cursor: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        return _page(decisions.flagged(_actions(action), since, cursor, limit))

    @routes.get("/entities/{entity}/{id:path}/decisions", summary="Decisions on an entity's events, newest first", **told(PAGE, 404))
    def of_entity(
        entity: str,
        id: str,
        before: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        kind, id = decoded(entity, id)
        require_kind(in_force, kind)
        return _page(decisions.of_entity(kind, id, before, limit))

    @routes.get("/entities/{entity}/{id:path}", summary="The profile of an entity", **told(Profile, 404))
    def profile(entity: str, id: str, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50) -> Response:
        """Latest score, features of the newest decision, and the newest decisions with what they say by action.

        An id that ends in ``/decisions`` is written with ``%2F``.
        """
        kind, id = decoded(entity, id)
        require_kind(in_force, kind)
        return as_response(json_answer(200, profile_of(decisions, kind, id, limit, int(clock() * 1000))))

    return routes


def _of_several_users(event_id: str, found: list[StoredDecision]) -> Problem:
    """The answer to an id that several users have: at most `USERS_MAX` of them are named."""
    refusal = of_several_users(event_id[:80], found)
    candidates = [{"user": each.user, "event_time": each.event_time, "action": each.action} for each in found]
    return Problem(409, str(refusal), members=refusal.fields() | {"candidates": candidates})


def require_kind(in_force: InForce, entity: str) -> None:
    """Lets `entity` pass when it is a kind of entity of the release in force.

    Raises:
        Problem: 404, it is none.
    """
    release, _ = in_force.require()
    kinds = (release.schema.user, *release.schema.entities)
    if entity not in kinds:
        raise Problem(404, f"no entity is called {entity[:80]}; there are {', '.join(kinds)}")


def _actions(given: list[str] | None) -> tuple[str, ...]:
    for action in given or ():
        if action not in FLAGS:
            expected = " or ".join(FLAGS)
            members = {"what": "unknown action", "where": "action", "expected": expected, "got": action[:80], "remedy": ""}
            raise Problem(422, f"action: expected {expected}, got {action[:80]}", members=members)
    return tuple(dict.fromkeys(given)) if given else FLAGS


def _page(page: Page) -> Response:
    """Values go out as they were written, without being read."""
    following: Any = json.dumps(page.next).encode()
    values = b",".join(decision.value for decision in page.decisions)
    return Response(b'{"decisions":[' + values + b'],"next":' + following + b"}", media_type="application/json")
