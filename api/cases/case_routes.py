"""The routes ``/cases`` and below that read, open cases, and hand out the next one."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from alerts.cases.case_joining import opened_case, with_entry
from alerts.cases.case_life import CaseConflictError, claim
from api.auth.request_context import caller_of, note_subject
from api.cases.case_cursors import alert_place, cursor_of, event_place, queue_place, timeline_place
from api.cases.case_door import CaseDoor
from api.cases.case_shapes import (
    CaseAlertPage,
    CaseChanges,
    CaseEventPage,
    CaseLink,
    CaseLinks,
    CasePage,
    NewCase,
    ShownCase,
    Timeline,
    VerdictPage,
    WantedNext,
)
from api.cases.shown_case import case_event, shown_case_alert, shown_entry
from api.http.choices import chosen
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from foundation.refusal import Refusal
from stores.casework.case import CASE_STATES, Case
from stores.casework.cases import CaseFilter, OpenCaseError

PAGE_MAX = 500
LINKS_MAX = 50
SETTLED_MS = 2_000
TRIED_MAX = 20
"""`next` tries so many cases: another analyst may have claimed the best ones meanwhile."""

CaseId = Annotated[str, Path(max_length=200, description="the id of a case")]
Cursor = Annotated[str | None, Query(max_length=4_000, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Names = Annotated[list[str] | None, Query(max_length=100)]
Name = Annotated[str | None, Query(max_length=1_000)]
IfNoneMatch = Annotated[str | None, Header(description="ETags that the caller has")]


def make_case_routes(door: CaseDoor) -> APIRouter:
    """The routes that read cases, open them, and hand out the next one."""
    routes = late_routes("cases")
    _add_queue(routes, door)
    _add_openings(routes, door)
    _add_reads(routes, door)
    return routes


def _add_queue(routes: APIRouter, door: CaseDoor) -> None:
    cases = door.stores.cases

    @routes.get("/cases", summary="Cases, those of the greatest priority first", **route_docs(CasePage))
    async def listed(
        request: Request,
        state: Annotated[list[str] | None, Query(description="one of these states: " + ", ".join(CASE_STATES))] = None,
        inbox: Names = None,
        typology: Names = None,
        entity: Annotated[str | None, Query(max_length=100, description="the kind of entity that cases are about")] = None,
        id: Annotated[str | None, Query(max_length=1_000, description="the id of that entity")] = None,
        holder: Name = None,
        assigned_to: Name = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """Cases of inboxes that the caller may see. `entity` and `id` are given together; without `state` closed cases are among them."""
        if (entity is None) != (id is None):
            raise Refusal("half an entity", where="entity", expected="entity and id together, or neither", got="one of them")
        _refuse_nul({"entity": entity, "id": id, "holder": holder, "assigned_to": assigned_to}, {"inbox": inbox, "typology": typology})
        wanted = CaseFilter(
            now_ms=door.now_ms(),
            inboxes=inbox or (),
            hidden=await door.hidden(request),
            states=chosen(state, CASE_STATES, "state"),
            typologies=typology or (),
            entity=None if entity is None or id is None else (entity, id),
            holder=holder,
            assigned_to=assigned_to,
        )
        found = await asyncio.to_thread(cases.page, wanted, queue_place(cursor), limit)
        following = cursor_of((found[-1].priority, found[-1].id)) if len(found) == limit else None
        return as_response(json_answer(200, CasePage(await door.shown(found), following)))

    @routes.get("/cases:changes", summary="Cases in the order of their newest changes", **route_docs(CaseChanges))
    async def changes(request: Request, cursor: Cursor = None, limit: Limit = 200) -> Response:
        """For those who keep a copy: asked again with `next` it gives what has changed since, each case as it stands now.

        Changes of the last two seconds come later, since others of the same moment may still be written. `next` is never null.
        """
        hidden, until_ms = await door.hidden(request), door.now_ms() - SETTLED_MS
        found = await asyncio.to_thread(cases.changed, hidden, alert_place(cursor), until_ms, limit)
        following = cursor_of((found[-1].changed_at_ms, found[-1].id)) if found else cursor or cursor_of((0, ""))
        return as_response(json_answer(200, CaseChanges(await door.shown(found), following)))

    @routes.post("/cases:next", summary="Claims the best case that is free", **route_docs(ShownCase, 404, body=WantedNext, optional=True))
    async def following(request: Request) -> Response:
        """The case of the greatest priority that nobody holds, and that is not assigned to somebody else; 404 where there is none."""
        given = read_json(await request.body() or b"{}", WantedNext, "wanted", '{"inboxes": […]}')
        name, claim_ms = caller_of(request).name, door.policy().claim_ms
        hidden = await door.hidden(request)
        taken = await asyncio.to_thread(_next, door, given.inboxes, hidden, name, claim_ms)
        if taken is None:
            raise Problem(404, "no case is free")
        note_subject(request, f"case {taken.id}")
        return as_response(await door.answer(200, taken))


def _refuse_nul(texts: Mapping[str, str | None], lists: Mapping[str, Sequence[str] | None]) -> None:
    """Refuses parameters with a character that PostgreSQL holds in no text."""
    given = [*texts.items(), *((name, text) for name, several in lists.items() for text in several or ())]
    for name, text in given:
        if text is not None and "\x00" in text:
            raise Refusal("bad text", where=name, expected="a text without the character NUL", got=text)


def _next(door: CaseDoor, inboxes: list[str], hidden: list[str], name: str, claim_ms: int) -> Case | None:
    now_ms, cases = door.now_ms(), door.stores.cases
    for assigned_to in (name, ""):
        wanted = CaseFilter(now_ms=now_ms, inboxes=inboxes, hidden=hidden, states=("open",), assigned_to=assigned_to)
        for one in cases.page(wanted, None, TRIED_MAX):
            try:
                return cases.change(one.id, lambda case: claim(case, name, now_ms, claim_ms))
            except CaseConflictError:
                continue
    return None


def _add_openings(routes: APIRouter, door: CaseDoor) -> None:
    @routes.post("/cases", summary="Opens a case", **route_docs(ShownCase, 409, status=201, body=NewCase))
    async def open_case(request: Request) -> Response:
        """Of a typology, about an entity; 409 where there is an open one of both."""
        given = read_json(await request.body(), NewCase, "case", '{"typology": …, "entity_id": …, "text": …}')
        hidden, now_ms, by = await door.hidden(request), door.now_ms(), caller_of(request).name
        known = {one.name: one for one in door.policy().typologies if one.inbox not in hidden}
        typology = known.get(given.typology)
        if typology is None:
            raise Refusal("unknown typology", where="typology", expected="one of " + (", ".join(known) or "none"), got=given.typology)
        made = opened_case(typology, given.entity_id, now_ms, secrets.token_hex(16), by, "medium")
        made, entry = with_entry(made, now_ms, "opened", by, given.text)
        note_subject(request, f"case {made.id}: {typology.name} of {typology.entity} {given.entity_id[:80]}")
        try:
            await asyncio.to_thread(door.stores.cases.open, made, [entry])
        except OpenCaseError as error:
            there = await asyncio.to_thread(door.stores.cases.get, str(error))
            seen = f": {there.id}" if there is not None and there.inbox not in hidden else ""
            raise Problem(409, f"there is an open case of this typology about the entity already{seen}") from None
        return as_response(await door.answer(201, made))


def _add_reads(routes: APIRouter, door: CaseDoor) -> None:
    cases = door.stores.cases

    @routes.get("/cases/{id}", summary="A case", **route_docs(ShownCase, 304, 404))
    async def show(id: CaseId, request: Request, if_none_match: IfNoneMatch = None) -> Response:
        """Its ETag is its version and how often alerts changed it; `If-Match` compares the version alone."""
        return as_response(await door.answer(200, await door.require(request, id), if_none_match))

    @routes.get("/cases/{id}/timeline", summary="What happened to a case, newest first", **route_docs(Timeline, 404))
    async def timeline(id: CaseId, request: Request, cursor: Cursor = None, limit: Limit = 100) -> Response:
        """Its events, alerts, claims, notes and verdicts, by their times."""
        case = await door.require(request, id)
        found = await asyncio.to_thread(cases.timeline, case.id, timeline_place(cursor), limit)
        following = cursor_of(found[-1][0]) if len(found) == limit else None
        return as_response(json_answer(200, Timeline([shown_entry(entry) for _, entry in found], following)))

    @routes.get("/cases/{id}/events", summary="The events of a case", **route_docs(CaseEventPage, 404))
    async def events(id: CaseId, request: Request, cursor: Cursor = None, limit: Limit = 200) -> Response:
        """The oldest first, by pages; one that counts in several alerts stands there for each. `hold` says what became of its payment."""
        case = await door.require(request, id)
        found = await asyncio.to_thread(cases.events_of, case.id, event_place(cursor), limit)
        held = await asyncio.to_thread(door.stores.holds.of_events, [event.key for event in found])
        following = cursor_of((found[-1].event_time_ms, found[-1].key, found[-1].name)) if len(found) == limit else None
        return as_response(json_answer(200, CaseEventPage([case_event(event, held.get(event.key)) for event in found], following)))

    @routes.get("/cases/{id}/alerts", summary="The alerts of a case", **route_docs(CaseAlertPage, 404))
    async def alerts(id: CaseId, request: Request, cursor: Cursor = None, limit: Limit = 100) -> Response:
        """In the order in which they joined."""
        case = await door.require(request, id)
        found = await asyncio.to_thread(cases.alerts_of, case.id, alert_place(cursor), limit)
        known = await asyncio.to_thread(door.stores.alerts.get, [alert for _, alert in found])
        shown = [shown_case_alert(alert, at_ms, known.get(alert)) for at_ms, alert in found]
        following = cursor_of(found[-1]) if len(found) == limit else None
        return as_response(json_answer(200, CaseAlertPage(shown, following)))

    @routes.get("/cases/{id}/links", summary="Cases that share entities with a case", **route_docs(CaseLinks, 404))
    async def links(id: CaseId, request: Request) -> Response:
        """Those that share most come first; cases of inboxes that the caller may not see are left out."""
        case, hidden = await door.require(request, id), await door.hidden(request)
        found = await asyncio.to_thread(cases.linked, case.id, LINKS_MAX)
        seen = [(other, shared) for other, shared in found if other.inbox not in hidden]
        shown = await door.shown([other for other, _ in seen])
        return as_response(json_answer(200, CaseLinks([CaseLink(shared, one) for one, (_, shared) in zip(shown, seen, strict=True)])))

    @routes.get("/cases/{id}/verdicts", summary="The verdicts of a case", **route_docs(VerdictPage, 404))
    async def verdicts(
        id: CaseId, request: Request, cursor: Annotated[str | None, Query(max_length=200)] = None, limit: Limit = 200
    ) -> Response:
        """The oldest first; those that were undone are among them."""
        case = await door.require(request, id)
        found = await asyncio.to_thread(door.stores.verdicts.verdicts_of, case.id, cursor or "", limit)
        following = found[-1].id if len(found) == limit else None
        return as_response(json_answer(200, VerdictPage(list(found), following)))
