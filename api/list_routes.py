"""Routes over lists: parts of a release like any other, that may be absent."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from api.answers import ListEntry, Lists, Put
from api.definition_texts import IfMatch, IfNoneMatch, by_of, put_answer, seen, text_in, text_in_force
from api.definitions import Definitions
from api.in_force import InForce
from api.json_body import read_json
from api.problem import Problem, json_answer
from api.reads import as_response
from api.told import told
from api.version_routes import add_version_routes
from patterns.lists import LIST_PREFIX, check_name, edited
from pipeline.release import Release

TEXT_TYPE = "text/plain"
EDIT = '{"add": ["<entry>", …], "remove": ["<entry>", …]}'


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """Entries that a list is to have and not to have; what it has, or lacks, already changes nothing."""

    add: list[str] = []
    remove: list[str] = []


def list_part(name: Annotated[str, Path(description="small letters, digits and underscores")]) -> str:
    """The part that the list `name` is."""
    return LIST_PREFIX + check_name(name)


def make_list_routes(definitions: Definitions, in_force: InForce) -> APIRouter:
    """``/lists`` and what is below it."""
    routes = APIRouter(tags=["lists"])

    @routes.get("/lists", summary="The lists in force", **told(Lists))
    def lists() -> Response:
        """With their hashes and how many entries they have."""
        release, _ = in_force.require()
        return as_response(json_answer(200, Lists(release.id, _entries(release, in_force))))

    @routes.get("/lists/{name}", summary="A list in force: one entry a line", **told(TEXT_TYPE, 304, 404))
    def read(name: str, if_none_match: IfNoneMatch = None) -> Response:
        """As it was uploaded, with comments."""
        return text_in_force(in_force, list_part(name), if_none_match, TEXT_TYPE)

    @routes.put("/lists/{name}", summary="Puts a list in force, whole", **told(Put, 412, text=TEXT_TYPE))
    async def put(name: str, request: Request, if_match: IfMatch = None) -> Response:
        """One entry a line; empty lines and those that begin with # say nothing."""
        part = list_part(name)
        text = await text_in(request, f"lists/{name}.txt")
        return as_response(put_answer(request, await definitions.put({part: text}, by_of(request), seen(part, if_match)), part))

    @routes.delete("/lists/{name}", summary="Takes a list out of force; its versions stay", **told(Put, 404, 412))
    async def delete(name: str, request: Request, if_match: IfMatch = None) -> Response:
        """As a release of its own, without the list."""
        part = list_part(name)
        _require_list(in_force, part)
        return as_response(put_answer(request, await definitions.put({part: None}, by_of(request), seen(part, if_match)), part))

    @routes.post("/lists/{name}:edit", summary="Adds and removes entries", **told(Put, 404, 412, body=Edit))
    async def edit(name: str, request: Request, if_match: IfMatch = None) -> Response:
        """Made to the list in force: with If-Match only if that is the one that the caller has seen."""
        part = list_part(name)
        change = read_json(await request.body(), Edit, "list edit", EDIT)

        def make(text: str) -> str:
            return edited(text, change.add, change.remove)

        return as_response(put_answer(request, await definitions.edit(part, make, by_of(request), seen(part, if_match)), part))

    add_version_routes(routes, "/lists/{name}", list_part, TEXT_TYPE, definitions, in_force)
    return routes


def _entries(release: Release, in_force: InForce) -> list[ListEntry]:
    return [ListEntry(name, in_force.hashes[LIST_PREFIX + name], len(entries)) for name, entries in sorted(release.lists.items())]


def _require_list(in_force: InForce, part: str) -> None:
    if part not in in_force.texts:
        raise Problem(404, f"the release in force has no {part}")
