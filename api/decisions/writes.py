"""Routes that take events, labels and requests for a decision."""

import asyncio
import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.decisions.decide import DEADLINE_MS_MAX, Decide, Decided, FellBack
from api.definitions.in_force import InForce
from api.http.json_body import read_json
from api.http.problem import as_response, json_answer
from api.http.route_docs import OBJECT, told
from api.kafka.log import Clock, Log
from features.schema.decode import ID_CHARACTERS_MAX
from features.schema.schema import MIN_TIME_MS
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.engine.label_times import label_time_ms

AHEAD_MS_MAX = 300_000
LABELS_MAX = 1_000
"""Of one request."""
SOURCE_CHARACTERS_MAX = 100
WEIGHT_MAX = 1_000.0


class GivenLabel(msgspec.Struct, forbid_unknown_fields=True):
    """A label as callers send it.

    Without `label_time` it is known from now on; `user` may be left out where one user alone has that event id. `source`, what said
    so, and `weight`, how much it counts beside others, are kept with it and decide nothing: the latest label of an event counts.
    """

    event_id: str | int
    label: Literal[0, 1]
    label_time: int | datetime.datetime | None = None
    user: str | int | None = None
    source: Annotated[str, msgspec.Meta(max_length=SOURCE_CHARACTERS_MAX)] = ""
    weight: Annotated[float, msgspec.Meta(gt=0, le=WEIGHT_MAX)] = 1.0


class Taken(msgspec.Struct):
    """The broker has the event; its decision comes."""

    event_id: str


class TakenLabels(msgspec.Struct):
    """The broker has so many labels."""

    labels: int


class Label(msgspec.Struct, omit_defaults=True):
    """A record of the topic ``labels``; `label_time` in ms since the epoch, `by` the name of the caller who gave it."""

    event_id: str
    label: int
    label_time: int
    user: str | None = None
    by: str = ""
    source: str = ""
    weight: float = 1.0


_EXPECTED = '{"event_id": …, "label": 0 or 1, "label_time": ms or RFC 3339}'
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
        summary="Takes one label, or a list of them: event_id, label (0 or 1), label_time (ms or RFC 3339), user, source, weight",
        **told((Label, TakenLabels), status=202, body=(GivenLabel, list[GivenLabel])),
    )
    async def label(request: Request) -> Response:
        """Joined with the event's decision once there is one. A list is taken whole or refused whole; the audit log names its length."""
        body, by = await request.body(), caller_of(request).name
        now_ms = int(clock() * 1000)
        span_ms = (in_force.release.schema.min_time_ms if in_force.release else MIN_TIME_MS, now_ms + AHEAD_MS_MAX)
        many = body.lstrip()[:1] == b"["
        taken = read_labels(body, now_ms, by, span_ms) if many else [read_label(body, now_ms, by, span_ms)]
        note_subject(request, f"{len(taken)} label{'s' if len(taken) != 1 else ''}")
        await asyncio.gather(*(log.deliver(settings.topic("labels"), each.event_id, _encode(each)) for each in taken))
        return as_response(json_answer(202, TakenLabels(len(taken)) if many else taken[0]))

    return routes


def read_label(body: bytes, now_ms: int, by: str, span_ms: tuple[int, int]) -> Label:
    """The label in `body`, given by the caller `by`.

    Raises:
        Refusal: it is not JSON, has one key twice, lacks a field, has a value of another type, or its time is outside `span_ms`, which
            goes from the schema's `min_time` to 5 min ahead of now, both included.
    """
    return _checked(read_json(body, GivenLabel, "label", _EXPECTED), now_ms, by, span_ms)


def read_labels(body: bytes, now_ms: int, by: str, span_ms: tuple[int, int]) -> list[Label]:
    """The labels in a JSON array.

    Raises:
        Refusal: see `read_label`; it names the place in the array. Or there are none, or more than `LABELS_MAX`.
    """
    given = read_json(body, list[GivenLabel], "labels", f"[{_EXPECTED}, …]")
    if not 0 < len(given) <= LABELS_MAX:
        raise Refusal("number of labels", where="labels", expected=f"1 to {LABELS_MAX:,} in one request", got=len(given))
    labels = []
    for number, each in enumerate(given):
        try:
            labels.append(_checked(each, now_ms, by, span_ms))
        except Refusal as refusal:
            where = f"[{number}].{refusal.where}"
            raise Refusal(refusal.what, where=where, expected=refusal.expected, got=refusal.got, remedy=refusal.remedy) from refusal
    return labels


def _checked(given: GivenLabel, now_ms: int, by: str, span_ms: tuple[int, int]) -> Label:
    event_id = _id(given.event_id, "event_id")
    user = None if given.user is None else _id(given.user, "user")
    time_ms = now_ms if given.label_time is None else label_time_ms(given.label_time, *span_ms)
    return Label(event_id, given.label, time_ms, user, by, given.source, given.weight)


def _id(given: str | int, where: str) -> str:
    id = str(given)
    if not 0 < len(id) <= ID_CHARACTERS_MAX:
        raise Refusal("bad id", where=where, expected=f"1 to {ID_CHARACTERS_MAX} characters", got=id)
    return id
