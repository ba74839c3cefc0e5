"""The routes of notes: what people write of an entity for those who look at it later."""

import asyncio
import re
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from api.auth.permissions import ADMIN
from api.auth.request_context import caller_of, note_subject
from api.decisions.reads import require_entity_type
from api.definitions.in_force import InForce
from api.http.entity_paths import decoded
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.kafka.log import Clock
from features.schema.decode import ID_CHARACTERS_MAX
from foundation.refusal import Refusal
from stores.casework.notes import Note, Notes, TooManyNotesError
from stores.decisions import bad_cursor
from stores.jobs import new_job_id

PAGE_MAX = 200
TEXT_CHARACTERS_MAX = 4_000
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class GivenNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note as callers send it: plain text, which nobody interprets."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class NotePage(msgspec.Struct):
    """Notes on an entity, the newest first; `next` is the cursor of the page behind it, and null on the last one."""

    entity: str
    id: str
    notes: list[Note]
    next: str | None


def make_note_routes(notes: Notes, in_force: InForce, clock: Clock) -> APIRouter:
    """The routes ``/entities/{entity}/{id}/notes`` and below."""
    routes = late_routes("entities")
    _add_reading(routes, notes, in_force)
    _add_writing(routes, notes, in_force, clock)
    return routes


def _add_reading(routes: APIRouter, notes: Notes, in_force: InForce) -> None:
    @routes.get("/entities/{entity}/{id:path}/notes", summary="The notes on an entity, newest first", **route_docs(NotePage, 404))
    def listed(
        entity: str,
        id: str,
        cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """In an id that ends in ``/notes`` that slash has to be written as ``%2F``."""
        kind, id = _entity(entity, id, in_force)
        if cursor is not None and not _ID.fullmatch(cursor):
            raise bad_cursor(cursor, "cursor")
        found = notes.page(kind, id, cursor, limit)
        following = found[-1].id if len(found) == limit else None
        return as_response(json_answer(200, NotePage(kind, id, found, following)))


def _add_writing(routes: APIRouter, notes: Notes, in_force: InForce, clock: Clock) -> None:
    @routes.post(
        "/entities/{entity}/{id:path}/notes", summary="Writes a note on an entity", **route_docs(Note, 404, 409, status=201, body=GivenNote)
    )
    async def write(entity: str, id: str, request: Request) -> Response:
        """It is shown wherever the entity is, and stays until its author or an admin removes it."""
        kind, id = _entity(entity, id, in_force)
        given, now_ms = read_json(await request.body(), GivenNote, "note", '{"text": "…"}'), int(clock() * 1_000)
        if not given.text.strip() or "\0" in given.text:
            raise Refusal("bad note", where="text", expected="words, without the character NUL", got=given.text)
        note = Note(new_job_id(now_ms), kind, id, given.text, caller_of(request).name, now_ms)
        note_subject(request, f"note {note.id} on {kind} {id[:80]}")
        try:
            await asyncio.to_thread(notes.add, note)
        except TooManyNotesError as error:
            raise Problem(409, f"{error}; remove some") from error
        return as_response(json_answer(201, note))

    @routes.delete("/entities/{entity}/{id:path}/notes/{note}", summary="Removes a note", **route_docs(Note, 404))
    async def remove(entity: str, id: str, note: Annotated[str, Path(max_length=200)], request: Request) -> Response:
        """Only its author and admins may."""
        kind, id = _entity(entity, id, in_force)
        found, caller = await asyncio.to_thread(notes.get, kind, id, note), caller_of(request)
        if found is None:
            raise Problem(404, f"{kind} {id[:80]} has no note {note[:80]}")
        if found.by != caller.name and not caller.mask & ADMIN:
            raise Problem(403, f"{found.by[:80]} wrote the note, and only they or an admin may remove it")
        note_subject(request, f"note {found.id} of {found.by} on {kind} {id[:80]}")
        await asyncio.to_thread(notes.remove, kind, id, note)
        return as_response(json_answer(200, found))


def _entity(entity: str, id: str, in_force: InForce) -> tuple[str, str]:
    kind, id = decoded(entity, id)
    require_entity_type(in_force, kind)
    if not 0 < len(id) <= ID_CHARACTERS_MAX:
        raise Refusal("bad id", where="id", expected=f"1 to {ID_CHARACTERS_MAX} characters", got=id)
    return kind, id
