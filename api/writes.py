"""Routes that take events, labels and requests for a decision."""

import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.decide import DEADLINE_MS_MAX, Decide, Decided, FellBack
from api.in_force import InForce
from api.json_body import read_json
from api.log import Clock, Log
from api.problem import json_answer
from api.reads import as_response
from api.told import OBJECT, told
from features.decode import ID_CHARACTERS_MAX
from features.refusal import Refusal
from pipeline.settings import Settings

AHEAD_MS_MAX = 300_000


class GivenLabel(msgspec.Struct, forbid_unknown_fields=True):
    """A label as callers send it; without `label_time` it is known from now on, without `user` one user alone has that event id."""

    event_id: str | int
    label: Literal[0, 1]
    label_time: int | datetime.datetime | None = None
    user: str | int | None = None


class Taken(msgspec.Struct):
    """The broker has the event; its decision comes."""

    event_id: str


class Label(msgspec.Struct, omit_defaults=True):
    """A record of the topic ``labels``; `label_time` in ms since the epoch."""

    event_id: str
    label: int
    label_time: int
    user: str | None = None


_encode = msgspec.json.Encoder().encode


def make_writes(in_force: InForce, decide: Decide, log: Log, settings: Settings, clock: Clock) -> APIRouter:
    """The routes over the log; 202 is said once the broker has the record."""
    routes = APIRouter(tags=["events"])

    @routes.post("/events", summary="Takes one event, to be scored", **told(Taken, status=202, body=OBJECT))
    async def event(request: Request) -> Response:
        """Refused unless it fits the schema in force."""
        body = await request.body()
        _, decoder = in_force.require()
        taken = decoder.decode(body, int(clock() * 1000))
        await log.deliver(settings.topic("events"), taken.user, body)
        return as_response(json_answer(202, Taken(taken.id)))

    @routes.post(
        "/decisions",
        summary="Scores one event while the caller waits; ?deadline_ms= bounds it, the policy's fallback follows",
        **told((Decided, FellBack), body=OBJECT),
    )
    async def decision(
        request: Request, deadline_ms: Annotated[int | None, Query(ge=1, le=DEADLINE_MS_MAX, description="how long to wait")] = None
    ) -> Response:
        """Past the deadline the answer is flagged ``degraded``; the event is scored all the same."""
        return as_response(await decide.answer(await request.body(), request.scope["query_string"]))

    @routes.post(
        "/labels",
        summary="Takes one label: event_id, label (0 or 1), label_time (ms or RFC 3339)",
        **told(Label, status=202, body=GivenLabel),
    )
    async def label(request: Request) -> Response:
        """Joined with the event's decision once there is one."""
        taken = read_label(await request.body(), int(clock() * 1000))
        await log.deliver(settings.topic("labels"), taken.event_id, _encode(taken))
        return as_response(json_answer(202, taken))

    return routes


def read_label(body: bytes, now_ms: int) -> Label:
    """The label in `body`.

    Raises:
        Refusal: it is not JSON, lacks a field, has a value of another type, or its time is negative or more than 5 min ahead.
    """
    given = read_json(body, GivenLabel, "label", '{"event_id": …, "label": 0 or 1, "label_time": ms or RFC 3339}')
    event_id = _id(given.event_id, "event_id")
    user = None if given.user is None else _id(given.user, "user")
    return Label(event_id, given.label, _time_ms(given.label_time, now_ms), user)


def _id(given: str | int, where: str) -> str:
    id = str(given)
    if not 0 < len(id) <= ID_CHARACTERS_MAX:
        raise Refusal("bad id", where=where, expected=f"1 to {ID_CHARACTERS_MAX} characters", got=id)
    return id


def _time_ms(given: int | datetime.datetime | None, now_ms: int) -> int:
    if given is None:
        return now_ms
    if isinstance(given, datetime.datetime):
        if given.tzinfo is None:
            raise Refusal("time without a zone", where="label_time", expected="RFC 3339 with a zone, or ms", got=given.isoformat())
        given = int(given.timestamp() * 1000)
    if not 0 <= given <= now_ms + AHEAD_MS_MAX:
        raise Refusal("label time out of range", where="label_time", expected=f"0 to {AHEAD_MS_MAX} ms after now ({now_ms})", got=given)
    return given
