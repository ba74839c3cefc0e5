"""Routes that read decisions, scores and profiles."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.decisions.profile import Profile, Remembered, profile_of
from api.decisions.score_shapes import Score
from api.decisions.scores import Scores, no_entity_type
from api.definitions.in_force import InForce
from api.http.entity_paths import decoded
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.problem_types import AMBIGUOUS_EVENT
from api.http.route_docs import OBJECT, route_docs
from api.kafka.log import Clock
from patterns.matches import MATCHES_MAX
from patterns.policy import ACTIONS, DECIDERS, SCALES
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
        "score": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "higher is more suspicious, on the scale that the policy names; null if no model gave one",
        },
        "scale": {"enum": list(SCALES), "description": "that the score is on; left out if it is raw"},
        "probability": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "of a positive label, given the score; left out on the raw scale, and while there are too few labels",
        },
        "probability_interval": {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 2,
            "description": "the lower and upper end of the interval that holds the probability in 95 of 100 cases, or more often",
        },
        "decided_by": {"enum": list(DECIDERS)},
        "matches": {"type": "array", "items": MATCH, "maxItems": MATCHES_MAX, "description": "the rule that decided, and others by weight"},
        "match_count": {"type": "integer", "minimum": 0, "description": "how many rules matched, those that are not named included"},
    },
}
PAGE = OBJECT | {"properties": {"decisions": {"type": "array", "items": DECISION}, "next": {"type": ["string", "null"]}}}
FLAGS = tuple(action for action in ACTIONS if action != "approve")


Recall = Callable[[Request, str, str], Awaitable[Remembered]]
"""Gives what is remembered of the entity of a type and id, as far as the caller of a request may see it."""


def make_reads(decisions: Decisions, scores: Scores, in_force: InForce, clock: Clock, recall: Recall) -> APIRouter:
    """The routes that read the store of decisions."""
    routes = late_routes("decisions")
    _add_decisions(routes, decisions, scores)
    _add_entities(routes, decisions, in_force, clock, recall)
    return routes


def _add_decisions(routes: APIRouter, decisions: Decisions, scores: Scores) -> None:
    @routes.get("/decisions/{event_id:path}", summary="The decision on an event, as it was served", **route_docs(DECISION, 404, 409))
    def decision(
        event_id: str,
        user: Annotated[str | None, Query(description="id of the event's primary entity, needed when several have this event id")] = None,
    ) -> Response:
        """Without `user`, an id that several primary entities have is answered with 409 and `candidates`: user, event time and action."""
        return Response(decision_on(decisions, event_id, user).value, media_type="application/json")

    @routes.get(
        "/scores/{entity}/{id:path}", summary="The latest score of an entity: score, action, event and age", **route_docs(Score, 404)
    )
    async def score(entity: str, id: str) -> Response:
        return as_response(await scores.answer(f"{entity}/{id}", b""))

    @routes.get("/flagged", summary="Decisions with the action review or block, the highest score first", **route_docs(PAGE))
    def flagged(
        action: Annotated[list[str] | None, Query(description="review, block or both")] = None,
        since: Annotated[int, Query(ge=0, le=1 << 62, description="the earliest event time, in ms since the epoch")] = 0,
        cursor: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        return _page(decisions.flagged(_flagged_actions(action), since, cursor, limit))


def _add_entities(routes: APIRouter, decisions: Decisions, in_force: InForce, clock: Clock, recall: Recall) -> None:
    @routes.get("/entities/{entity}/{id:path}/decisions", summary="Decisions on an entity's events, newest first", **route_docs(PAGE, 404))
    def of_entity(
        entity: str,
        id: str,
        before: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        entity_type, id = decoded(entity, id)
        require_entity_type(in_force, entity_type)
        return _page(decisions.of_entity(entity_type, id, before, limit))

    @routes.get("/entities/{entity}/{id:path}", summary="The profile of an entity", **route_docs(Profile, 404))
    async def profile(entity: str, id: str, request: Request, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50) -> Response:
        """The latest score, the features of the newest decision, the newest decisions with a count by action, and what people said of it.

        In an id that ends in ``/decisions``, ``/facts`` or ``/notes`` that slash has to be written as ``%2F``.
        """
        entity_type, id = decoded(entity, id)
        require_entity_type(in_force, entity_type)
        remembered = await recall(request, entity_type, id)
        found = await asyncio.to_thread(profile_of, decisions, entity_type, id, limit, int(clock() * 1000), remembered)
        return as_response(json_answer(200, found))


def decision_on(decisions: Decisions, event_id: str, user: str | None) -> StoredDecision:
    """The decision on an event.

    Raises:
        Problem: 404, there is none; 409, several users have an event with this id, and none is named.
    """
    found = decisions.get(event_id, user)
    if not found:
        of_user = "" if user is None else f" of user {user[:80]}"
        raise Problem(404, f"there is no decision on event {event_id[:80]}{of_user}, or not yet")
    if len(found) > 1:
        raise _of_several_users(event_id, found)
    return found[0]


def _of_several_users(event_id: str, found: list[StoredDecision]) -> Problem:
    """The answer 409 to an event id that several primary entities have; it names at most `USERS_MAX` of them."""
    refusal = of_several_users(event_id[:80], found)
    candidates = [{"user": each.user, "event_time": each.event_time, "action": each.action} for each in found]
    return Problem(409, str(refusal), members=refusal.fields() | {"candidates": candidates}, type=AMBIGUOUS_EVENT)


def require_entity_type(in_force: InForce, entity: str) -> None:
    """Checks that `entity` is an entity type of the release in force.

    Raises:
        Problem: 404, it is not.
    """
    release, _ = in_force.require()
    entity_types = (release.schema.user, *release.schema.entities)
    if entity not in entity_types:
        raise no_entity_type(entity, entity_types)


def _flagged_actions(given: list[str] | None) -> tuple[str, ...]:
    for action in given or ():
        if action not in FLAGS:
            expected = " or ".join(FLAGS)
            members = {"what": "unknown action", "where": "action", "expected": expected, "got": action[:80], "remedy": ""}
            raise Problem(422, f"action: unknown action: expected {expected}, got {action[:80]}", members=members)
    return tuple(dict.fromkeys(given)) if given else FLAGS


def _page(page: Page) -> Response:
    """The page as JSON. Decisions are stored as JSON, so their bytes are copied and not parsed."""
    following: Any = json.dumps(page.next).encode()
    values = b",".join(decision.value for decision in page.decisions)
    return Response(b'{"decisions":[' + values + b'],"next":' + following + b"}", media_type="application/json")
