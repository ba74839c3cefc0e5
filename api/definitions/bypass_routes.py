"""The routes of the kill switch, which decides events without their scores; outside it is called the bypass."""

import asyncio
import json
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request, Response

from api.auth.request_context import note_subject
from api.definitions.definition_shapes import BypassInForce
from api.definitions.definition_texts import by_of
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from patterns.bypass import REASON_CHARACTERS_MAX
from pipeline.engine.definitions.part_names import BYPASS
from stores.registry import Registry

RELEASES_MAX = 1_000


class GivenBypass(msgspec.Struct, forbid_unknown_fields=True):
    """The kill switch: with approve_all every action is approve, with fallback_only it is the fallback, with off scores decide."""

    mode: Literal["off", "approve_all", "fallback_only"]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]


def make_bypass_routes(definitions: Definitions, in_force: InForce) -> APIRouter:
    """The routes ``/policy:bypass``."""
    routes = late_routes("policy")

    @routes.get("/policy:bypass", summary="The state of the kill switch", **route_docs(BypassInForce))
    def read() -> Response:
        """Its mode, since when it is set, who set it and why."""
        return as_response(json_answer(200, _bypass_in_force(definitions.registry, in_force)))

    @routes.post("/policy:bypass", summary="Sets the kill switch", **route_docs(BypassInForce, body=GivenBypass))
    async def switch(request: Request) -> Response:
        """Events are still scored and models still learn; each decision while it is set has the flag ``bypass``."""
        given = read_json(await request.body(), GivenBypass, "bypass", '{"mode": "off|approve_all|fallback_only", "reason": "…"}')
        text = f"mode: {json.dumps(given.mode)}\nreason: {json.dumps(given.reason)}\n"
        published = await definitions.put({BYPASS: text}, by_of(request))
        note_subject(request, f"release {published.release}: bypass {given.mode}")
        release = await asyncio.to_thread(definitions.release, published.release)
        return as_response(json_answer(200, BypassInForce(given.mode, given.reason, release.id, release.id, release.by, release.at_ms)))

    return routes


def _bypass_in_force(registry: Registry, in_force: InForce) -> BypassInForce:
    release, _ = in_force.require()
    hash = in_force.hashes.get(BYPASS)
    brought = None
    for stored in registry.releases(RELEASES_MAX, release.id + 1) if hash else []:
        if stored.parts.get(BYPASS) != hash:
            break
        brought = stored
    since = (brought.id, brought.by, brought.at_ms) if brought else (None, None, None)
    return BypassInForce(release.bypass.mode, release.bypass.reason, release.id, *since)
