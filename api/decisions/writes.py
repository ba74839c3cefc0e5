"""Routes that take events and labels, and the route that answers an event with a decision."""

import asyncio
import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.decisions.decide import DEADLINE_MS_MAX, Decide, Decided, FellBack
from api.definitions.in_force import InForce
from api.http.json_body import read_array, read_json
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import OBJECT, route_docs
from api.kafka.log import Clock, Log
from features.schema.decode import ID_CHARACTERS_MAX, Decoder
from features.schema.label_sources import ANY_SOURCE, SOURCE_CHARACTERS_MAX, WEIGHT_MAX, LabelSources
from features.schema.read_bytes import ReadBytes
from features.schema.schema import MIN_TIME_MS
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.engine.label_times import label_time_ms

AHEAD_MS_MAX = 300_000
LABELS_MAX = 1_000
"""The greatest number of labels in one request."""
EVENTS_MAX = 2_000
"""The greatest number of events in one request; its bytes have a bound of their own."""


class GivenLabel(msgspec.Struct, forbid_unknown_fields=True):
    """A label as callers send it: 1 is fraud, 0 is not.

    `label_time` says since when this is known, in ms since the epoch or RFC 3339; without it, since now. `user` may be left out when only
    one primary entity has an event with this id. `source` says where it comes from, such as ``chargeback``: of several labels of one event
    the one stands whose source ranks highest in `labels: sources:` of schema.yaml, of equal ones the newest by `label_time`, and of equal
    times a positive one. Models are taught it `weight` times as strongly as a usual label.
    """

    event_id: str | int
    label: Literal[0, 1]
    label_time: int | datetime.datetime | None = None
    user: str | int | None = None
    source: Annotated[str, msgspec.Meta(max_length=SOURCE_CHARACTERS_MAX)] = ""
    weight: Annotated[float, msgspec.Meta(gt=0, le=WEIGHT_MAX)] = 1.0


class LabelDoor(NamedTuple):
    """By what the labels of one request are judged.

    Args:
        now_ms: since when a label without a time is known, in ms since the epoch; none may be known more than 5 min later.
        by: the name of the caller who sent them.
        min_time_ms: the first allowed label time, which is the schema's `min_time`.
        sources: which sources are accepted.
    """

    now_ms: int
    by: str
    min_time_ms: int = MIN_TIME_MS
    sources: LabelSources = ANY_SOURCE


class Taken(msgspec.Struct):
    """The broker has the event; the pipeline will decide on it."""

    event_id: str


class TakenEvents(msgspec.Struct):
    """How many events the broker has taken; the pipeline will decide on them."""

    events: int


class TakenLabels(msgspec.Struct):
    """How many labels the broker has taken."""

    labels: int


class Label(msgspec.Struct, omit_defaults=True):
    """A record of the topic ``labels``; `label_time` is in ms since the epoch, and `by` is the name of the caller who sent it."""

    event_id: str
    label: int
    label_time: int
    user: str | None = None
    by: str = ""
    source: str = ""
    weight: float = 1.0


_EXPECTED = 'an object such as {"event_id": …, "label": 0 or 1, "label_time": ms or RFC 3339}'
_encode = msgspec.json.Encoder().encode


def make_writes(in_force: InForce, decide: Decide, log: Log, settings: Settings, clock: Clock) -> APIRouter:
    """The routes that write to the topics; they answer 202 once the broker has the record."""
    routes = late_routes("events")
    _add_events(routes, in_force, decide, log, settings.topic("events"), clock)
    _add_labels(routes, in_force, log, settings.topic("labels"), clock)
    return routes


def _add_events(routes: APIRouter, in_force: InForce, decide: Decide, log: Log, topic: str, clock: Clock) -> None:
    @routes.post(
        "/events",
        summary=f"Takes one event, or a list of up to {EVENTS_MAX:,}, and has them scored",
        **route_docs((Taken, TakenEvents), status=202, body=(OBJECT, list[dict[str, object]])),
    )
    async def event(request: Request) -> Response:
        """An event that does not fit the schema in force is refused, and with it the list that it stands in.

        Events of a list are decided in its order. After an answer of 503, send all of a list again: what was taken is not decided twice.
        """
        body = await request.body()
        _, decoder = in_force.require()
        if _is_list(body):
            records = await asyncio.to_thread(read_events, body, decoder, int(clock() * 1000))
            await log.deliver_all(topic, records)
            return as_response(json_answer(202, TakenEvents(len(records))))
        taken = decoder.read(body, int(clock() * 1000))
        await log.deliver(topic, taken.event.user, taken)
        return as_response(json_answer(202, Taken(taken.event.id)))

    @routes.post(
        "/decisions",
        summary="Decides on one event while the caller waits; after ?deadline_ms= the answer is the policy's fallback",
        **route_docs((Decided, FellBack), body=OBJECT),
    )
    async def decision(
        request: Request, deadline_ms: Annotated[int | None, Query(ge=1, le=DEADLINE_MS_MAX, description="how long to wait, in ms")] = None
    ) -> Response:
        """After the deadline the answer is the fallback, with the flag ``degraded``; the event is scored in either case."""
        return as_response(await decide.answer(await request.body(), request.scope["query_string"]))


def _add_labels(routes: APIRouter, in_force: InForce, log: Log, topic: str, clock: Clock) -> None:
    @routes.post(
        "/labels",
        summary="Takes one label, or a list of them: event_id, label (0 or 1), label_time (ms or RFC 3339), user, source, weight",
        **route_docs((Label, TakenLabels), status=202, body=(GivenLabel, list[GivenLabel])),
    )
    async def label(request: Request) -> Response:
        """A label is joined with the event's decision once there is one. A list is taken as a whole or refused as a whole."""
        body, by = await request.body(), caller_of(request).name
        now_ms = int(clock() * 1000)
        schema = in_force.release.schema if in_force.release else None
        door = LabelDoor(now_ms, by, schema.min_time_ms if schema else MIN_TIME_MS, schema.label_sources if schema else ANY_SOURCE)
        many = _is_list(body)
        taken = read_labels(body, door) if many else [read_label(body, door)]
        note_subject(request, f"{len(taken)} label{'s' if len(taken) != 1 else ''}")
        await asyncio.gather(*(log.deliver(topic, each.event_id, _encode(each)) for each in taken))
        return as_response(json_answer(202, TakenLabels(len(taken)) if many else taken[0]))


def read_events(body: bytes, decoder: Decoder, now_ms: int) -> list[tuple[str, ReadBytes]]:
    """Reads the events in a JSON array: of each its primary entity, and its bytes as they stand there, which carry what was read.

    Raises:
        Refusal: the body is no JSON array; an event is refused, and the refusal names its index; or there are none, or more than
            `EVENTS_MAX`.
    """
    given = read_array(body, "events", "an array of events")
    if not 0 < len(given) <= EVENTS_MAX:
        raise Refusal("number of events", where="events", expected=f"1 to {EVENTS_MAX:,} events in one request", got=len(given))
    records = []
    for number, each in enumerate(given):
        try:
            value = decoder.read(bytes(each), now_ms)
            records.append((value.event.user, value))
        except Refusal as refusal:
            raise _in_list(refusal, number) from refusal
    return records


def read_label(body: bytes, door: LabelDoor) -> Label:
    """Reads the label in `body`.

    Raises:
        Refusal: the body is not JSON, has one key twice, lacks a field or has a value of another type, or `door` refuses the label.
    """
    return _checked(read_json(body, GivenLabel, "label", _EXPECTED), door)


def read_labels(body: bytes, door: LabelDoor) -> list[Label]:
    """Reads the labels in a JSON array.

    Raises:
        Refusal: a label is refused, see `read_label`, and the refusal names its index; or there are none, or more than `LABELS_MAX`.
    """
    given = read_json(body, list[GivenLabel], "labels", f"an array of labels, each {_EXPECTED}")
    if not 0 < len(given) <= LABELS_MAX:
        raise Refusal("number of labels", where="labels", expected=f"1 to {LABELS_MAX:,} labels in one request", got=len(given))
    labels = []
    for number, each in enumerate(given):
        try:
            labels.append(_checked(each, door))
        except Refusal as refusal:
            raise _in_list(refusal, number) from refusal
    return labels


def _is_list(body: bytes) -> bool:
    return body.lstrip()[:1] == b"["


def _in_list(refusal: Refusal, number: int) -> Refusal:
    """The refusal of the element `number` of a list."""
    return Refusal(refusal.what, where=f"[{number}].{refusal.where}", expected=refusal.expected, got=refusal.got, remedy=refusal.remedy)


def _checked(given: GivenLabel, door: LabelDoor) -> Label:
    event_id = _id(given.event_id, "event_id")
    user = None if given.user is None else _id(given.user, "user")
    span_ms = (door.min_time_ms, door.now_ms + AHEAD_MS_MAX)
    time_ms = door.now_ms if given.label_time is None else label_time_ms(given.label_time, *span_ms)
    door.sources.check(given.source, given.weight)
    return Label(event_id, given.label, time_ms, user, door.by, given.source, given.weight)


def _id(given: str | int, where: str) -> str:
    id = str(given)
    if not 0 < len(id) <= ID_CHARACTERS_MAX:
        raise Refusal("bad id", where=where, expected=f"1 to {ID_CHARACTERS_MAX} characters", got=id)
    return id
