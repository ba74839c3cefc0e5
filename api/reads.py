"""Routes that read: decisions, scores, what is flagged."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.in_force import InForce
from api.problem import Answer, Problem
from api.scores import Scores
from patterns.policy import ACTIONS
from stores.decisions import Decisions, Page

PAGE_MAX = 500
FLAGS = tuple(action for action in ACTIONS if action != "approve")


def make_reads(decisions: Decisions, scores: Scores, in_force: InForce) -> APIRouter:
    """The routes over the store of decisions."""
    routes = APIRouter(tags=["decisions"])

    @routes.get("/decisions/{event_id}", summary="The decision on an event, as it was served")
    def decision(event_id: str) -> Response:
        stored = decisions.get(event_id)
        if stored is None:
            raise Problem(404, f"event {event_id[:80]} has no decision, or none yet")
        return Response(stored.value, media_type="application/json")

    @routes.get("/scores/{entity}/{id:path}", summary="The latest score of an entity: score, action, event and age")
    async def score(entity: str, id: str) -> Response:
        return as_response(await scores.answer(f"{entity}/{id}"))

    @routes.get("/flagged", summary="Decisions to look at, by score")
    def flagged(
        action: Annotated[list[str] | None, Query(description="review, block or both")] = None,
        since: Annotated[int, Query(ge=0, le=1 << 62, description="event time in ms since the epoch")] = 0,
        cursor: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        return _page(decisions.flagged(_actions(action), since, cursor, limit))

    @routes.get("/entities/{entity}/{id}/decisions", summary="Decisions on an entity's events, newest first")
    def of_entity(
        entity: str,
        id: str,
        before: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        release, _ = in_force.require()
        if entity not in (release.schema.user, *release.schema.entities):
            raise Problem(404, f"no entity is called {entity[:80]}")
        return _page(decisions.of_entity(entity, id, before, limit))

    return routes


def as_response(answer: Answer) -> Response:
    """`answer` as Starlette sends it."""
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, answer.content_type.decode())


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
