"""The routes of facts: what somebody says of an entity, which expressions read at the entity's events."""

import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from api.definitions.in_force import InForce
from api.facts.fact_shapes import FactsOfEntity
from api.facts.fact_teller import FactTeller
from api.facts.told_facts import ToldFacts
from api.http.entity_paths import decoded
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.kafka.log import Clock, Log
from features.schema.decode import ID_CHARACTERS_MAX
from features.schema.facts import Value
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.engine.fact_record import REASON_CHARACTERS_MAX, FactRecord, declared, moment_ms

_EXPECTED = '{"value": …, "since": ms or RFC 3339, "expires": ms or RFC 3339, "reason": "…"}, of which only the value is needed'
Name = Annotated[str, Path(description="the fact's name in the schema")]


class GivenFact(msgspec.Struct, forbid_unknown_fields=True):
    """A fact as callers send it. It holds for events from `since` on, by default from now on, and before `expires`, by default for ever."""

    value: Value
    since: int | datetime.datetime | None = None
    expires: int | datetime.datetime | None = None
    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARACTERS_MAX)] = ""


def make_fact_routes(told: ToldFacts, in_force: InForce, log: Log, settings: Settings, clock: Clock) -> APIRouter:
    """The routes ``/entities/{entity}/{id}/facts`` and below; writes answer 202 once the broker has the record."""
    routes = late_routes("facts")
    _add_reading(routes, told, in_force)
    _add_telling(routes, told, in_force, FactTeller(told, in_force, log, settings.topic("facts"), clock))
    return routes


def _add_reading(routes: APIRouter, told: ToldFacts, in_force: InForce) -> None:
    @routes.get("/entities/{entity}/{id:path}/facts", summary="The facts of an entity", **route_docs(FactsOfEntity, 404))
    async def read(entity: str, id: str) -> Response:
        """These are the newest records. In an id that ends in ``/facts`` that slash has to be written as ``%2F``."""
        kind, id = decoded(entity, id)
        return as_response(json_answer(200, FactsOfEntity(kind, id, _told_of(kind, id, told, in_force))))

    @routes.get("/entities/{entity}/{id:path}/facts/{name}", summary="One fact of an entity", **route_docs(FactRecord, 404))
    async def read_one(entity: str, id: str, name: Name) -> Response:
        """This is its newest record, also where the fact has ended."""
        kind, id = decoded(entity, id)
        found = next((fact for fact in _told_of(kind, id, told, in_force) if fact.name == name), None)
        if found is None:
            raise Problem(404, f"nobody has told the fact {name} of {kind} {id[:80]}")
        return as_response(json_answer(200, found))


def _add_telling(routes: APIRouter, told: ToldFacts, in_force: InForce, teller: FactTeller) -> None:
    @routes.put(
        "/entities/{entity}/{id:path}/facts/{name}",
        summary="Tells a fact of an entity: value, since, expires, reason",
        **route_docs(FactRecord, 404, status=202, body=GivenFact),
    )
    async def put(entity: str, id: str, name: Name, request: Request) -> Response:
        """The schema in force has to declare it. It is in force for events that are decided after it has reached the score job."""
        kind, id = _require(entity, id, name, in_force)
        given = read_json(await request.body(), GivenFact, "fact", _EXPECTED)
        since, expires = _moment(given.since, "since"), _moment(given.expires, "expires")
        told.require_room(kind, id, name)
        fact = FactRecord(kind=kind, entity=id, name=name, value=given.value, since=since or 0, expires=expires, reason=given.reason)
        return as_response(json_answer(202, await teller.tell(request, fact, from_now=since is None)))

    @routes.delete(
        "/entities/{entity}/{id:path}/facts/{name}", summary="Ends a fact of an entity now", **route_docs(FactRecord, 404, status=202)
    )
    async def delete(entity: str, id: str, name: Name, request: Request) -> Response:
        """Events from now on find it missing; those from before, which come late, still see it."""
        kind, id = _require(entity, id, name, in_force)
        fact = FactRecord(kind=kind, entity=id, name=name, op="delete", since=0)
        return as_response(json_answer(202, await teller.tell(request, fact, from_now=True)))


def _require(entity: str, id: str, name: str, in_force: InForce) -> tuple[str, str]:
    release, _ = in_force.require()
    kind, id = decoded(entity, id)
    if declared(release.schema, kind, name) is None:
        names = ", ".join(fact.path for fact in release.schema.facts) or "none"
        raise Problem(404, f"the schema in force declares no fact {name[:80]} of {kind[:80]}; it declares {names}")
    if not 0 < len(id) <= ID_CHARACTERS_MAX:
        raise Refusal("bad id", where="id", expected=f"1 to {ID_CHARACTERS_MAX} characters", got=id)
    return kind, id


def _told_of(kind: str, id: str, told: ToldFacts, in_force: InForce) -> list[FactRecord]:
    release, _ = in_force.require()
    if kind != release.schema.user and kind not in release.schema.entities:
        raise Problem(404, f"there is no type of entity {kind[:80]}")
    return told.of(kind, id)


def _moment(given: int | datetime.datetime | None, where: str) -> int | None:
    return None if given is None else moment_ms(given, where)
