"""The routes ``/holds``: payments that wait, and how somebody releases or declines them by hand."""

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from alerts.holding.hold_steps import ended, message_id_of, told
from api.auth.request_context import caller_of, note_subject
from api.holds.hold_shapes import GivenEnd, HoldPage, ShownHold
from api.http.choices import chosen
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.http.time_cursor import cursor_at, place_at
from api.kafka.log import Clock
from api.webhooks.shown_webhook import shown_delivery
from stores.casework.deliveries import Deliveries
from stores.casework.holds import HOLD_STATES, Hold, Holds
from stores.casework.webhooks import Webhooks

PAGE_MAX = 500
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

HoldId = Annotated[str, Path(max_length=200, description="the id of a hold")]


def make_hold_routes(holds: Holds, webhooks: Webhooks, deliveries: Deliveries, clock: Clock) -> APIRouter:
    """The routes of holds."""
    routes = late_routes("holds")
    _add_reading(routes, holds, deliveries)
    _add_ending(routes, holds, webhooks, deliveries, clock)
    return routes


def _add_reading(routes: APIRouter, holds: Holds, deliveries: Deliveries) -> None:
    @routes.get("/holds", summary="Holds of payments, newest first", **route_docs(HoldPage))
    def listed(
        state: Annotated[list[str] | None, Query(description="one of these states: " + ", ".join(HOLD_STATES))] = None,
        user: Annotated[str | None, Query(max_length=1_000, description="only those of this primary entity")] = None,
        cursor: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """Times are ms since the epoch."""
        found = holds.page(chosen(state, HOLD_STATES, "state"), user, place_at(cursor), limit)
        following = cursor_at(found[-1].held_at_ms, found[-1].id) if len(found) == limit else None
        return as_response(json_answer(200, HoldPage(found, following)))

    @routes.get("/holds/{id}", summary="A hold, and who has taken the message of its end", **route_docs(ShownHold, 404))
    def show(id: HoldId) -> Response:
        """A delivery in the state ``delivered`` means that its receiver answered with a 2xx."""
        return as_response(json_answer(200, _shown(_require(id, holds), deliveries)))


def _add_ending(routes: APIRouter, holds: Holds, webhooks: Webhooks, deliveries: Deliveries, clock: Clock) -> None:
    @routes.post("/holds/{id}:release", summary="Releases a held payment", **route_docs(ShownHold, 404, 409, body=GivenEnd))
    async def release(id: HoldId, request: Request) -> Response:
        """Whoever waits is told ``payment.release``, once; a hold that has ended already is a 409."""
        return await _end(id, "release", request)

    @routes.post("/holds/{id}:decline", summary="Declines a held payment", **route_docs(ShownHold, 404, 409, body=GivenEnd))
    async def decline(id: HoldId, request: Request) -> Response:
        """Whoever waits is told ``payment.decline``, once; a hold that has ended already is a 409."""
        return await _end(id, "decline", request)

    async def _end(id: str, how: str, request: Request) -> Response:
        given, now_ms = read_json(await request.body(), GivenEnd, "end of a hold", '{"reason": "…"}'), int(clock() * 1_000)
        hold = await asyncio.to_thread(_require, id, holds)
        note_subject(request, f"hold {id}: event {hold.event_id[:80]} of {hold.user[:80]}: {how}: {given.reason}")
        if hold.state != "held":
            raise _over(hold)
        over = ended(hold, how, caller_of(request).name, given.reason, now_ms)
        receivers = await asyncio.to_thread(webhooks.all)
        if not await asyncio.to_thread(holds.change, [told(over, receivers, now_ms)]):
            raise _over(await asyncio.to_thread(_require, id, holds))
        return as_response(json_answer(200, await asyncio.to_thread(_shown, over, deliveries)))


def _require(id: str, holds: Holds) -> Hold:
    hold = holds.get(id) if _ID.fullmatch(id) else None
    if hold is None:
        raise Problem(404, f"there is no hold {id[:80]}, or it is forgotten")
    return hold


def _shown(hold: Hold, deliveries: Deliveries) -> ShownHold:
    return ShownHold(hold, [shown_delivery(one) for one in deliveries.of_message(message_id_of(hold))])


def _over(hold: Hold) -> Problem:
    by = f" by {hold.by[:80]}" if hold.by else ""
    return Problem(409, f"the payment was {hold.state}{by} already: {hold.reason}")
