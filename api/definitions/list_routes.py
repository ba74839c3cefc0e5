"""The routes of lists: a release declares a list, and its entries are records that take effect at once."""

import asyncio
import itertools
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from api.auth.request_context import note_subject
from api.definitions.definition_texts import IfMatch, IfNoneMatch, by_of, text_in
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.etag import etag_matches, etag_of
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.http.tagged_answer import tagged
from api.lists.entries import Entries, new_id
from api.lists.list_cursor import cursor_of, value_of
from api.lists.list_edit import Edit, added_by, read_edit
from api.lists.list_shapes import ListChanged, ListedEntry, ListInForce, ListPage, Lists
from patterns.entries import API, Entry
from patterns.entry_lists import EntryList
from patterns.list_changes import edited, emptied, replaced
from patterns.list_text import read_values
from patterns.lists import DECLARATION, list_part

TEXT_TYPE = "text/plain"
PAGE_MAX = 1_000
Name = Annotated[str, Path(description="lower-case letters, digits and underscores")]


def make_list_routes(definitions: Definitions, in_force: InForce, entries: Entries) -> APIRouter:
    """The routes ``/lists`` and below."""
    routes = late_routes("lists")
    _add_reading(routes, in_force, entries)
    _add_writing(routes, definitions, in_force, entries)
    return routes


def _add_reading(routes: APIRouter, in_force: InForce, entries: Entries) -> None:
    @routes.get("/lists", summary="The lists that the release in force declares", **route_docs(Lists))
    async def lists() -> Response:
        """Each list has its version and the number of its values that have not expired."""
        release, _ = in_force.require()
        await entries.require_open()
        found = [(name, entries.lists.get(name)) for name in release.lists]
        counted = [ListInForce(name, each.version, each.count_at(entries.event_time_ms())) for name, each in found]
        return as_response(json_answer(200, Lists(release.id, counted)))

    @routes.get("/lists/{name}", summary="Entries of a list, by pages in the order of their values", **route_docs(ListPage, 304, 404))
    async def read(
        name: Name,
        if_none_match: IfNoneMatch = None,
        cursor: Annotated[str | None, Query(max_length=4_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
        value: Annotated[str | None, Query(max_length=2_048, description="only the entry of this value")] = None,
    ) -> Response:
        """Expired entries are left out. A list may change between two pages; an entry that stays on it all the time is in one of them."""
        found = await _declared(name, in_force, entries)
        if if_none_match is not None and etag_matches(if_none_match, str(found.version)):
            return Response(status_code=304, headers={"etag": etag_of(str(found.version))})
        after = None if cursor is None else value_of(cursor)
        time_ms = entries.event_time_ms()
        page = _page(found, after, limit + 1, time_ms) if value is None else _one(found, value, time_ms)
        following = cursor_of(page[limit - 1].value) if len(page) > limit else None
        body = ListPage(name, found.version, [_listed(entry) for entry in page[:limit]], following)
        return as_response(tagged(json_answer(200, body), str(found.version)))


def _add_writing(routes: APIRouter, definitions: Definitions, in_force: InForce, entries: Entries) -> None:
    @routes.put("/lists/{name}", summary="Replaces all entries of a list", **route_docs(ListChanged, 412, text=TEXT_TYPE))
    async def put(name: Name, request: Request, if_match: IfMatch = None) -> Response:
        """The body has one value on each line; empty lines and lines that begin with # are ignored. Only differences are written.

        A value that is on the list already and never expires stays as it is. If no release declares the list yet, a new one does.
        """
        part = list_part(name)
        text = await text_in(request, f"lists/{name}.txt")
        values = await asyncio.to_thread(read_values, text, f"lists/{name}.txt")
        in_force.require()
        if part not in in_force.texts:
            if if_match is not None:
                raise Problem(412, f"the release in force has no {part}", members={"in_force": ""})
            await definitions.put({part: DECLARATION}, by_of(request))
        like = Entry(name, "", by=by_of(request), source=API, id=new_id("put"))
        return _changed(request, in_force, await entries.change(name, lambda found: replaced(found, like, values), if_match))

    @routes.delete("/lists/{name}", summary="Removes a list and all its entries", **route_docs(ListChanged, 404, 412))
    async def delete(name: Name, request: Request, if_match: IfMatch = None) -> Response:
        """The list itself is removed by a new release that does not declare it."""
        await _declared(name, in_force, entries)
        changed = await entries.change(name, lambda found: emptied(found, name), if_match)
        await definitions.put({list_part(name): None}, by_of(request))
        return _changed(request, in_force, msgspec.structs.replace(changed, changed=True))

    @routes.post("/lists/{name}:edit", summary="Adds and removes entries", **route_docs(ListChanged, 404, 412, body=Edit))
    async def edit(name: Name, request: Request, if_match: IfMatch = None) -> Response:
        """The change takes effect at once and makes no release. With If-Match it is made only if the list has not changed since."""
        change = read_edit(await request.body())
        await _declared(name, in_force, entries)
        add = added_by(change, name, by_of(request), new_id("edit"), entries.event_time_ms())
        changed = await entries.change(name, lambda found: edited(found, name, add, change.remove), if_match)
        return _changed(request, in_force, changed, change.reason)


async def _declared(name: str, in_force: InForce, entries: Entries) -> EntryList:
    part = list_part(name)
    in_force.require()
    if part not in in_force.texts:
        raise Problem(404, f"the release in force has no {part}")
    await entries.require_open()
    return entries.lists.get(name)


def _changed(request: Request, in_force: InForce, changed: ListChanged, reason: str = "") -> Response:
    release, _ = in_force.require()
    counts = f"{changed.added} added, {changed.removed} removed, {changed.updated} updated"
    note_subject(request, f"list {changed.name}, version {changed.version}: {counts}{': ' + reason if reason else ''}")
    return as_response(tagged(json_answer(200, msgspec.structs.replace(changed, release=release.id)), str(changed.version)))


def _page(found: EntryList, after: str | None, limit: int, time_ms: int) -> list[Entry]:
    return list(itertools.islice((entry for entry in found.after(after) if entry.counts_at(time_ms)), limit))


def _one(found: EntryList, value: str, time_ms: int) -> list[Entry]:
    entry = found.get(value)
    return [entry] if entry is not None and entry.counts_at(time_ms) else []


def _listed(entry: Entry) -> ListedEntry:
    return ListedEntry(entry.value, entry.expires, entry.reason, entry.by, entry.source, entry.id)
