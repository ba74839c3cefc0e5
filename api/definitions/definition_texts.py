"""The bodies and answers of the routes that send and return definitions as text."""

from typing import Annotated

import msgspec
from fastapi import Header, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.definitions.definition_shapes import Kept, KeptParts, Put
from api.definitions.in_force import InForce
from api.definitions.published import Published
from api.http.etag import etag_matches, etag_of
from api.http.problem import Answer, Problem, json_answer
from foundation.text_bytes import decode_text

IfMatch = Annotated[str | None, Header(description="the ETag that the caller has read; 412 if it was changed since")]
IfNoneMatch = Annotated[str | None, Header(description="the ETags that the caller has; 304 if one of them is in force")]


def by_of(request: Request) -> str:
    """The name of the caller, for the registry."""
    return caller_of(request).name


def seen(part: str, if_match: str | None) -> dict[str, str]:
    """The header ``If-Match`` of a change of `part`, as `Definitions.put` takes it."""
    return {} if if_match is None else {part: if_match}


async def text_in(request: Request, source: str) -> str:
    """Reads the body of `request` as text.

    Raises:
        Refusal: it is not UTF-8; the refusal has the line and column.
    """
    return decode_text(await request.body(), source)


def text_in_force(in_force: InForce, part: str, if_none_match: str | None, media_type: str) -> Response:
    """The text in force of `part`, with its ETag and the id of the release; 304 if `if_none_match` names its ETag.

    Raises:
        Problem: 404, the release in force has no such part.
    """
    release, _ = in_force.require()
    if part not in in_force.texts:
        raise Problem(404, f"the release in force has no {part}")
    hash = in_force.hashes[part]
    headers = {"weir-release": str(release.id), "etag": etag_of(hash)}
    if if_none_match is not None and etag_matches(if_none_match, hash):
        return Response(status_code=304, headers=headers)
    return Response(in_force.texts[part], media_type=media_type, headers=headers)


def kept_answer(request: Request, status: int, kept: KeptParts, part: str, in_force: InForce) -> Answer:
    """The answer for a version of `part` that was stored, which is also noted for the audit log; with 202 it waits for an approver."""
    hash = kept.parts[part]
    note_subject(request, f"version {hash} of {part}")
    return json_answer(status, Kept(hash, part, in_force.hashes.get(part) == hash))


def put_answer(request: Request, published: Published, part: str) -> Answer:
    """The answer for a change of `part`, which is also noted for the audit log; the hash is '' when the part was removed."""
    note_subject(request, f"release {published.release}: {part}")
    hash = published.parts.get(part, "")
    put = Put(published.release, hash, published.changed, published.features, published.warming, published.models)
    answer = json_answer(200, put)
    return msgspec.structs.replace(answer, headers=[(b"etag", etag_of(hash).encode())]) if hash else answer
