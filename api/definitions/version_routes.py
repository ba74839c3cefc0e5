"""The routes of a part's versions: they store a version without putting it in force, list, read, compare and activate versions."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.request_context import caller_of
from api.definitions.definition_shapes import Kept, Put
from api.definitions.definition_texts import IfMatch, by_of, kept_answer, put_answer, seen, text_in
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.definitions.versions import VERSIONS_MAX, Comparison, Version, compare, text_of, version_of, versions_of
from api.http.json_body import read_json
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs

HASH = '{"hash": "<the hash of a version>"}'


class Activation(msgspec.Struct, forbid_unknown_fields=True):
    """The version to put in force."""

    hash: str


class Versions(msgspec.Struct):
    """The versions of a part, newest first."""

    versions: list[Version]


def add_version_routes(
    routes: APIRouter, path: str, part_of: Callable[..., str], media_type: str, definitions: Definitions, in_force: InForce
) -> None:
    """Adds the routes below `path`, such as ``/schema``, that read versions and put them in force; see `add_reading_of_versions`."""
    add_reading_of_versions(routes, path, part_of, media_type, definitions, in_force)
    Part = Annotated[str, Depends(part_of)]

    name = path.strip("/").partition("/")[0]

    @routes.post(
        f"{path}:activate", name=f"activate_{name}", summary="Puts a version in force", **route_docs(Put, 404, 412, body=Activation)
    )
    async def activate(request: Request, part: Part, if_match: IfMatch = None) -> Response:
        """This makes a new release in which the other parts stay as they are. A version that was never in force needs another approver."""
        wanted = read_json(await request.body(), Activation, "activation", HASH)
        version = await asyncio.to_thread(version_of, definitions.registry, part, wanted.hash)
        definitions.approval.require_other_author(caller_of(request), version)
        text = await asyncio.to_thread(text_of, definitions.registry, part, wanted.hash)
        return as_response(put_answer(request, await definitions.put({part: text}, by_of(request), seen(part, if_match)), part))


def add_reading_of_versions(
    routes: APIRouter, path: str, part_of: Callable[..., str], media_type: str, definitions: Definitions, in_force: InForce
) -> None:
    """Adds the routes below `path` that store, list, read and compare versions.

    Args:
        part_of: a dependency that gives the part which a request is about; its parameters are those of `path`.
    """
    Part = Annotated[str, Depends(part_of)]
    name = path.strip("/").partition("/")[0]

    @routes.post(
        f"{path}/versions",
        name=f"keep_{name}",
        summary="Stores a version without putting it in force",
        **route_docs(Kept, text=media_type),
    )
    async def keep(request: Request, part: Part) -> Response:
        """A text that does not compile with the other parts in force is refused, with line and column."""
        kept = await definitions.keep({part: await text_in(request, part)}, by_of(request))
        return as_response(kept_answer(request, 200, kept, part, in_force))

    @routes.get(f"{path}/versions", name=f"versions_of_{name}", summary="Versions, newest first", **route_docs(Versions))
    def versions(part: Part, limit: Annotated[int, Query(ge=1, le=VERSIONS_MAX)] = 50) -> Response:
        """Each version says who uploaded it first and when, and which releases hold it."""
        return as_response(json_answer(200, Versions(versions_of(definitions.registry, part, limit))))

    @routes.get(f"{path}/versions/{{hash}}", name=f"version_of_{name}", summary="The text of a version", **route_docs(media_type, 404))
    def version(part: Part, hash: str) -> Response:
        """The text as it was uploaded."""
        return Response(text_of(definitions.registry, part, hash), media_type=media_type)

    @routes.get(f"{path}/diff", name=f"diff_of_{name}", summary="The differences between two versions", **route_docs(Comparison, 404))
    def diff(
        part: Part,
        old: Annotated[str, Query(alias="from", max_length=64, description="hash of a version")],
        new: Annotated[str | None, Query(alias="to", max_length=64, description="hash of a version; by default, the one in force")] = None,
    ) -> Response:
        """A unified diff; for features also the names of those that were added, changed and removed."""
        in_force.require()
        new = in_force.hashes.get(part) if new is None else new
        if new is None:
            raise Problem(404, f"the release in force has no {part}")
        return as_response(json_answer(200, compare(definitions.registry, part, old, new, in_force.texts["schema"])))
