"""The routes ``/inboxes``: what waits in each, and who may see its cases; and ``/cases:quality``."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from api.auth.permissions import ROLES
from api.auth.request_context import caller_of, note_subject
from api.cases.case_door import DAY_MS, CaseDoor, may_see
from api.cases.case_shapes import GivenInbox, ReviewQuality, ShownInbox, ShownInboxes
from api.cases.review_quality import inbox_qualities, model_qualities, rule_qualities
from api.http.etag import etag_matches, etag_of
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Answer, Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.http.tagged_answer import tagged
from foundation.refusal import Refusal
from stores.casework.cases import InboxLoad
from stores.casework.inboxes import INBOXES_MAX, Inbox, TooManyInboxesError

InboxName = Annotated[str, Path(max_length=200, description="the name of an inbox")]
IfMatch = Annotated[str | None, Header(description="the ETag of the version that the caller has seen")]
COUNTED_MAX = 20_000
"""Figures are of so many decided cases at most, the newest."""
QUALITY_DAYS, QUALITY_DAYS_MAX = 30, 400
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


def make_inbox_routes(door: CaseDoor) -> APIRouter:
    """The routes of inboxes and of the quality of reviews."""
    routes = late_routes("cases")
    _add_reads(routes, door)
    _add_changes(routes, door)
    _add_quality(routes, door)
    return routes


def _add_reads(routes: APIRouter, door: CaseDoor) -> None:
    @routes.get("/inboxes", summary="Inboxes with what waits in them", **route_docs(ShownInboxes))
    async def listed(request: Request) -> Response:
        """Those that the caller may see, by name."""
        return as_response(json_answer(200, ShownInboxes(await _visible(door, request))))

    @routes.get("/inboxes/{name}", summary="An inbox", **route_docs(ShownInbox, 404))
    async def show(name: InboxName, request: Request) -> Response:
        """Its ETag is the version of who may see it; 0 where nobody has said."""
        return as_response(_answer(await _require(door, request, name)))


def _add_changes(routes: APIRouter, door: CaseDoor) -> None:
    inboxes = door.stores.inboxes

    @routes.put(
        "/inboxes/{name}", summary="Says who may see the cases of an inbox", **route_docs(ShownInbox, 404, 409, 412, body=GivenInbox)
    )
    async def put(name: InboxName, request: Request, if_match: IfMatch = None) -> Response:
        """Before that whoever may read cases sees them. It may be said before cases.yaml names the inbox."""
        given = read_json(await request.body(), GivenInbox, "inbox", '{"roles": […], "members": […]}')
        _check(name, given)
        before = next((inbox for inbox in await asyncio.to_thread(inboxes.all) if inbox.name == name), None)
        version = before.version if before else 0
        if if_match is not None and not etag_matches(if_match, str(version)):
            raise Problem(412, f"the inbox is at version {version}; read it again", [(b"etag", etag_of(str(version)).encode())])
        roles, members = tuple(role for role in ROLES if role in given.roles), tuple(dict.fromkeys(given.members))
        made = Inbox(name, roles, members, version + 1, caller_of(request).name, door.now_ms())
        note_subject(request, f"inbox {name}: roles {', '.join(roles) or 'none'}; {len(members)} members")
        try:
            is_stored = await asyncio.to_thread(inboxes.put, made)
        except TooManyInboxesError:
            raise Problem(409, f"there are {INBOXES_MAX} inboxes already, which is the most that can be; remove one") from None
        if not is_stored:
            raise Problem(412, "somebody else changed the inbox meanwhile; read it again")
        return as_response(_answer(await _require(door, request, name)))

    @routes.delete("/inboxes/{name}", summary="Removes what was said of who may see an inbox", **route_docs(ShownInbox, 404))
    async def remove(name: InboxName, request: Request) -> Response:
        """Its cases stay, and whoever may read cases sees them."""
        found = await _require(door, request, name)
        note_subject(request, f"inbox {found.name}: no restriction")
        if not await asyncio.to_thread(inboxes.remove, found.name):
            raise Problem(404, f"nobody has said who may see the inbox {found.name}")
        return as_response(_answer(found))


def _add_quality(routes: APIRouter, door: CaseDoor) -> None:
    cases = door.stores.cases

    @routes.get("/cases:quality", name="review_quality", summary="How well and how fast cases are reviewed", **route_docs(ReviewQuality))
    async def quality(
        request: Request,
        since_ms: Annotated[int | None, Query(ge=0, le=1 << 48, description="inclusive; by default 30 days before `until_ms`")] = None,
        until_ms: Annotated[int | None, Query(ge=0, le=1 << 48, description="exclusive; by default now")] = None,
    ) -> Response:
        """Of the cases that were decided in a time, in inboxes that the caller may see, and of the rules and models that opened them."""
        end_ms = door.now_ms() + 1 if until_ms is None else until_ms
        begin_ms = max(end_ms - QUALITY_DAYS * DAY_MS, 0) if since_ms is None else since_ms
        if not end_ms - QUALITY_DAYS_MAX * DAY_MS <= begin_ms < end_ms:
            expected = f"a time before until_ms ({end_ms}), at most {QUALITY_DAYS_MAX} days"
            raise Refusal("bad range", where="since_ms", expected=expected, got=begin_ms)
        inboxes = await _visible(door, request)
        names = [inbox.name for inbox in inboxes]
        decided = await asyncio.to_thread(cases.decided, begin_ms, end_ms, names, COUNTED_MAX)
        reviewed = await asyncio.to_thread(cases.reviewed, begin_ms, end_ms, names, COUNTED_MAX)
        is_whole, of_inboxes = len(decided) < COUNTED_MAX, inbox_qualities(inboxes, decided)
        shown = ReviewQuality(begin_ms, end_ms, is_whole, of_inboxes, rule_qualities(reviewed), model_qualities(reviewed))
        return as_response(json_answer(200, shown))


async def _visible(door: CaseDoor, request: Request) -> list[ShownInbox]:
    now_ms, caller, policy = door.now_ms(), caller_of(request), door.policy()
    stored = {inbox.name: inbox for inbox in await asyncio.to_thread(door.stores.inboxes.all)}
    loads = {load.inbox: load for load in await asyncio.to_thread(door.stores.cases.loads, now_ms)}
    decided = await asyncio.to_thread(door.stores.cases.decided_since, now_ms - now_ms % DAY_MS)
    names = sorted({*(inbox.name for inbox in policy.inboxes), *stored, *loads, *decided})
    seen = [name for name in names if name not in stored or may_see(caller, stored[name])]
    known = {inbox.name: (inbox.title, inbox.capacity) for inbox in policy.inboxes}
    return [_shown(name, known.get(name, (name, None)), loads.get(name), decided.get(name, 0), stored.get(name)) for name in seen]


def _shown(name: str, known: tuple[str, int | None], load: InboxLoad | None, decided: int, stored: Inbox | None) -> ShownInbox:
    title, capacity = known
    waiting = load.open if load else 0
    return ShownInbox(
        name=name,
        title=title,
        capacity=capacity,
        open=waiting,
        unclaimed=load.unclaimed if load else 0,
        oldest_opened_at_ms=load.oldest_opened_at_ms if load else None,
        decided_today=decided,
        backlog_days=round(waiting / capacity, 2) if capacity else None,
        is_restricted=stored is not None,
        roles=stored.roles if stored else (),
        members=stored.members if stored else (),
        version=stored.version if stored else 0,
    )


async def _require(door: CaseDoor, request: Request, name: str) -> ShownInbox:
    found = next((inbox for inbox in await _visible(door, request) if inbox.name == name), None)
    if found is None:
        raise Problem(404, f"there is no inbox {name[:80]}")
    return found


def _check(name: str, given: GivenInbox) -> None:
    if not _NAME.fullmatch(name):
        expected = "1 to 64 lower-case letters, digits and underscores that begin with a letter"
        raise Refusal("bad name", where="name", expected=expected, got=name)
    _check_roles(given.roles)


def _check_roles(roles: Sequence[str]) -> None:
    for role in roles:
        if role not in ROLES:
            raise Refusal("unknown role", where="roles", expected=f"one of {', '.join(ROLES)}", got=role)


def _answer(inbox: ShownInbox) -> Answer:
    return tagged(json_answer(200, inbox), str(inbox.version))
