"""The routes ``/deliveries``: what became of each message to each webhook."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from api.auth.permissions import ADMIN
from api.auth.request_context import caller_of
from api.http.choices import chosen
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.webhooks.shown_webhook import shown_attempt, shown_delivery
from api.webhooks.webhook_shapes import DeliveryPage, DeliveryWithAttempts
from stores.casework.deliveries import DELIVERY_STATES, Deliveries, Delivery
from stores.decisions import bad_cursor

PAGE_MAX = 500
NUMBER_MAX = 1 << 62


def make_delivery_routes(deliveries: Deliveries) -> APIRouter:
    """The routes of deliveries."""
    routes = late_routes("webhooks")

    @routes.get("/deliveries", summary="Deliveries to webhooks, newest first", **route_docs(DeliveryPage))
    def listed(
        webhook: Annotated[str | None, Query(max_length=200, description="only those to this one")] = None,
        state: Annotated[list[str] | None, Query(description="one of these states: " + ", ".join(DELIVERY_STATES))] = None,
        cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """A page may hold some more than `limit`, because messages to several webhooks are not torn apart."""
        found = deliveries.page(webhook, chosen(state, DELIVERY_STATES, "state"), _number(cursor), limit)
        following = str(found[-1].number) if len(found) >= limit else None
        return as_response(json_answer(200, DeliveryPage([shown_delivery(one) for one in found], following)))

    @routes.get("/deliveries/{webhook}/{number}", summary="A delivery with its attempts", **route_docs(DeliveryWithAttempts, 404))
    async def show(
        webhook: Annotated[str, Path(max_length=200)], number: Annotated[int, Path(ge=0, le=NUMBER_MAX)], request: Request
    ) -> Response:
        """Only an admin sees what the receiver answered, because it may be of the receiver's own network."""
        found = await asyncio.to_thread(_one, deliveries, webhook, number)
        attempts = await asyncio.to_thread(deliveries.attempts, number, webhook)
        is_admin = bool(caller_of(request).mask & ADMIN)
        shown = [shown_attempt(attempt, is_admin) for attempt in attempts]
        return as_response(json_answer(200, DeliveryWithAttempts(shown_delivery(found), msgspec.Raw(found.message.full), shown)))

    return routes


def _one(deliveries: Deliveries, webhook: str, number: int) -> Delivery:
    found = deliveries.page(webhook, (), number + 1, 1)
    if not found or found[0].number != number:
        raise Problem(404, f"there is no delivery {number} to the webhook {webhook[:80]}, or it is forgotten")
    return found[0]


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise bad_cursor(cursor, "cursor")
    return int(cursor)
