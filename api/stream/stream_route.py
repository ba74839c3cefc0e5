"""The routes of server-sent events: ``GET /v1/stream`` sends decisions, and ``GET /v1/stream/cases`` says that cases changed."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Header, Query, Response
from starlette.types import Receive, Scope, Send

from api.auth.admission import send_while_admitted
from api.definitions.in_force import InForce
from api.http.late_routes import late_routes
from api.http.problem import Problem
from api.http.route_docs import route_docs
from api.stream.case_changes import CaseChanges
from api.stream.stream import Stream, Wanted, Watcher, positions_of
from features.schema.decode import ID_CHARACTERS_MAX
from patterns.policy import ACTIONS

HEARTBEAT_SECONDS = 10.0
RETRY_MS = 2_000
"""A watcher whose connection breaks is asked to reconnect after this time."""
SEND_SECONDS_MAX = 30.0
"""A watcher that reads nothing for this time is disconnected."""


class Watched(Protocol):
    """What a watcher has joined."""

    async def leave(self, watcher: Watcher) -> None: ...


class EventStream(Response):
    """Sends events to a watcher until it disconnects, reads nothing for `SEND_SECONDS_MAX`, or its token is no longer valid.

    Args:
        stream: the stream that the watcher has joined.
        watcher: the watcher.
        heartbeat_seconds: after this time without an event a heartbeat is sent.
    """

    media_type = "text/event-stream"

    def __init__(self, stream: Watched, watcher: Watcher, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._stream = stream
        self._watcher = watcher
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send_while_admitted(scope, receive, self._send(send))
        finally:
            await asyncio.shield(self._stream.leave(self._watcher))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        # The id is sent first, so that a watcher whose connection breaks before any decision knows where to go on.
        position = f"id: {self._watcher.begins_after}\n" if self._watcher.begins_after else ""
        await send({"type": "http.response.body", "body": f"{position}retry: {RETRY_MS}\n\n".encode(), "more_body": True})
        while True:
            frames = await self._watcher.next(self._heartbeat_seconds)
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await send({"type": "http.response.body", "body": frames, "more_body": True})


def make_case_stream_route(changes: CaseChanges) -> APIRouter:
    """The route that says that cases have changed."""
    routes = late_routes("cases")

    @routes.get("/stream/cases", summary="That cases have changed, as server-sent events", **route_docs("text/event-stream"))
    async def follow_cases() -> Response:
        """Each event is ``changed``, with the time of the newest change. Which cases these are ``GET /v1/cases`` tells who may see them."""
        return EventStream(changes, await changes.join())

    return routes


def make_stream_route(stream: Stream, in_force: InForce, require_entity_type: Callable[[InForce, str], None]) -> APIRouter:
    """The route of decisions; `require_entity_type` refuses a name that is no entity type."""
    routes = late_routes("decisions")

    @routes.get("/stream", summary="Decisions as they are delivered, as server-sent events", **route_docs("text/event-stream", 404))
    async def follow(
        action: Annotated[list[str] | None, Query(description="approve, review, block or several")] = None,
        entity: Annotated[str | None, Query(max_length=200, description="entity type; needs id")] = None,
        id: Annotated[str | None, Query(max_length=ID_CHARACTERS_MAX, description="id of the entity; needs entity")] = None,
        min_score: Annotated[float | None, Query(ge=0, le=1, description="least score, inclusive")] = None,
        last_event_id: Annotated[str | None, Header(description="the stream goes on after the event with this id")] = None,
    ) -> Response:
        """The events are ``decision``, ``lagged`` (a slow reader missed so many) and ``gap`` (so many are no longer kept)."""
        for given in action or ():
            if given not in ACTIONS:
                _refuse("action", "one of " + ", ".join(ACTIONS), given)
        if (entity is None) != (id is None):
            _refuse("entity and id", "both parameters or none", "one of them")
        entity_type = entity
        if entity is not None:
            require_entity_type(in_force, entity)
            entity_type = None if entity == in_force.require()[0].schema.user else entity
        after = None if last_event_id is None else positions_of(last_event_id)
        wanted = Wanted(tuple(action or ()), entity_type, id, min_score)
        return EventStream(stream, await stream.join(wanted, after))

    return routes


def _refuse(where: str, expected: str, got: str) -> None:
    members = {"what": "bad parameter", "where": where, "expected": expected, "got": got[:80], "remedy": ""}
    raise Problem(422, f"{where}: bad parameter: expected {expected}, got {got[:80]}", members=members)
