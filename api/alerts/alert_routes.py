"""The routes ``/alerts`` and below, which read, and ``/silences``."""

import asyncio
import re
import secrets
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response

from alerts.alertmanager.silences import AlertmanagerSilences, SilencesUnavailableError
from api.alerts.alert_shapes import (
    VALUE_CHARACTERS_MAX,
    AlertChanges,
    AlertEventPage,
    AlertPage,
    GivenSilence,
    ShownAlert,
    ShownAlertEvent,
    Silences,
    shown_alert,
)
from api.auth.request_context import caller_of, note_subject
from api.http.choices import chosen
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.http.tagged_answer import tagged
from api.http.time_cursor import cursor_at, place_at
from api.kafka.log import Clock
from foundation.refusal import Refusal
from stores.casework.alerts import ALERT_STATES, Alert, Alerts, Silence

PAGE_MAX = 500
SETTLED_MS = 2_000
NO_CHANGE = f"0.{'0' * 32}"
"""The cursor before the first change."""
SILENCE_DAYS_MAX = 180
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SILENCE = '{"matchers": {"<name>": "<value>"}, "until_ms": ms since the epoch, "comment": "…"}'

AlertId = Annotated[str, Path(max_length=200, description="the id of an alert")]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


def make_alert_routes(alerts: Alerts, elsewhere: AlertmanagerSilences, clock: Clock) -> APIRouter:
    """The routes of alerts and silences; `elsewhere` are the silences of the Alertmanager that the system tells."""
    routes = late_routes("alerts")
    _add_reads(routes, alerts)
    _add_changes(routes, alerts, clock)
    _add_silences(routes, alerts, elsewhere, clock)
    return routes


def _add_changes(routes: APIRouter, alerts: Alerts, clock: Clock) -> None:
    @routes.get("/alerts:changes", summary="Alerts in the order of their newest changes", **route_docs(AlertChanges))
    def changes(cursor: Cursor = None, limit: Limit = 200) -> Response:
        """For those who keep a copy: asked again with `next` it gives what has changed since, each alert as it stands now.

        Changes of the last two seconds come later, since others of the same moment may still be written. `next` is never null.
        """
        found = alerts.changed(place_at(cursor), int(clock() * 1_000) - SETTLED_MS, limit)
        following = cursor_at(found[-1][0], found[-1][1].id) if found else cursor or NO_CHANGE
        return as_response(json_answer(200, AlertChanges([shown_alert(alert) for _, alert in found], following)))


def _add_reads(routes: APIRouter, alerts: Alerts) -> None:
    @routes.get("/alerts", summary="Alerts, newest first", **route_docs(AlertPage))
    def listed(
        state: Annotated[list[str] | None, Query(description="one of these states: " + ", ".join(ALERT_STATES))] = None,
        name: Annotated[list[str] | None, Query(max_length=100, description="one of these kinds")] = None,
        entity: Annotated[str | None, Query(max_length=100, description="a kind of entity that alerts are grouped by")] = None,
        id: Annotated[str | None, Query(max_length=1_000, description="the id of that entity")] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """`entity` and `id` are given together."""
        if (entity is None) != (id is None):
            raise Refusal("half an entity", where="entity", expected="entity and id together, or neither", got="one of them")
        group = None if entity is None or id is None else (entity, id)
        found = alerts.page(chosen(state, ALERT_STATES, "state"), name or (), group, place_at(cursor), limit)
        following = cursor_at(found[-1].opened_at_ms, found[-1].id) if len(found) == limit else None
        return as_response(json_answer(200, AlertPage([shown_alert(alert) for alert in found], following)))

    @routes.get("/alerts/{id}", summary="An alert", **route_docs(ShownAlert, 304, 404))
    def show(id: AlertId, if_none_match: Annotated[str | None, Header(description="ETags that the caller has")] = None) -> Response:
        """Its ETag is its version."""
        alert = _require(alerts, id)
        return as_response(tagged(json_answer(200, shown_alert(alert)), str(alert.version), if_none_match))

    @routes.get("/alerts/{id}/events", summary="The events of an alert", **route_docs(AlertEventPage, 404))
    def events(id: AlertId, cursor: Cursor = None, limit: Limit = 200) -> Response:
        """All of them, however many there are, by pages."""
        alert = _require(alerts, id)
        found = alerts.events_of(alert.id, cursor or "", limit)
        following = found[-1].key if len(found) == limit else None
        shown = [ShownAlertEvent(event.user, event.event_id, event.revision, event.loss) for event in found]
        return as_response(json_answer(200, AlertEventPage(shown, following)))


def _add_silences(routes: APIRouter, alerts: Alerts, elsewhere: AlertmanagerSilences, clock: Clock) -> None:
    @routes.get("/silences", summary="Silences that have not ended", **route_docs(Silences))
    def listed() -> Response:
        """Those that end first come before the others. An Alertmanager that does not answer keeps nobody from those of this system."""
        own = alerts.silences(int(clock() * 1_000))
        try:
            found = Silences(own, elsewhere.lasting())
        except SilencesUnavailableError as error:
            found = Silences(own, [], str(error))
        return as_response(json_answer(200, found))

    @routes.post("/silences", summary="Silences alerts for a while", **route_docs(Silence, status=201, body=GivenSilence))
    async def silence(request: Request) -> Response:
        """It silences what receivers are told within a second, and never what is decided."""
        given, now_ms = read_json(await request.body(), GivenSilence, "silence", _SILENCE), int(clock() * 1_000)
        _check(given, now_ms)
        made = Silence(secrets.token_hex(16), given.matchers, now_ms, given.until_ms, caller_of(request).name, given.comment)
        note_subject(request, f"silence {made.id}: {_words(made)}: {made.comment}")
        await asyncio.to_thread(alerts.silence, made)
        return as_response(json_answer(201, made))

    @routes.delete("/silences/{id}", summary="Ends a silence now", **route_docs(Silence, 404))
    async def end(id: Annotated[str, Path(max_length=200)], request: Request) -> Response:
        """Receivers are told of what it muted and still fires."""
        now_ms = int(clock() * 1_000)
        lasting = await asyncio.to_thread(alerts.silences, now_ms)
        found = next((silence for silence in lasting if silence.id == id), None)
        if found is None:
            raise Problem(404, f"there is no silence {id[:80]}, or it has ended")
        note_subject(request, f"silence {id} ended: {_words(found)}")
        ended = msgspec.structs.replace(found, until_ms=now_ms)
        await asyncio.to_thread(alerts.silence, ended)
        return as_response(json_answer(200, ended))


def _require(alerts: Alerts, id: str) -> Alert:
    alert = alerts.get([id]).get(id) if _ID.fullmatch(id) else None
    if alert is None:
        raise Problem(404, f"there is no alert {id[:80]}, or it is forgotten")
    return alert


def _check(given: GivenSilence, now_ms: int) -> None:
    for name, value in given.matchers.items():
        if not name or not value or len(name) + len(value) > VALUE_CHARACTERS_MAX:
            expected = f"a name and a value with at most {VALUE_CHARACTERS_MAX} characters together"
            raise Refusal("bad matcher", where="matchers", expected=expected, got=f"{name}: {value}")
    if not now_ms < given.until_ms <= now_ms + SILENCE_DAYS_MAX * 86_400_000:
        expected = f"a time in ms since the epoch after now ({now_ms}), at most {SILENCE_DAYS_MAX} days ahead"
        raise Refusal("bad end", where="until_ms", expected=expected, got=given.until_ms)


def _words(silence: Silence) -> str:
    return ", ".join(f"{name}={value[:80]}" for name, value in silence.matchers.items())
