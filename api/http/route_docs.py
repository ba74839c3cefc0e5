"""What the OpenAPI document is told of a route, beside what FastAPI sees of it: bodies, answers, problems."""

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Response

COMPONENTS = "x-weir-components"
"""Where a route keeps its schemas until the document is put together."""

JSON = "application/json"
PROBLEM = "application/problem+json"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}
_TEXT = {"type": "string"}
_TEXTS = {"application/yaml": {"description": "a definition as it was uploaded"}}
_MEANINGS = {304: "the caller has it already", 404: "there is none", 409: "it is there already", 412: "another is in force since"}


def told(
    answer: Any, *problems: int, status: int = 200, body: Any = None, text: str = "", optional: bool = False, waiting: Any = None
) -> dict[str, Any]:
    """Arguments for the decorator of a route.

    Args:
        answer: the type of the JSON answer, or the media type of one that is none; several types: one of them.
        problems: statuses that it may answer beside those that every route may (`api.openapi`).
        status: of the answer.
        body: the type of the JSON that it takes; `OBJECT`: any object.
        text: the media type of what it takes where that is no JSON.
        optional: the body may be left out.
        waiting: the type of the answer 202 where what was sent is stored and waits for somebody else.
    """
    components: dict[str, Any] = {}
    media, schema = (answer, _TEXTS.get(answer, _TEXT)) if isinstance(answer, str) else (JSON, _schema(answer, components))
    content = {media: {"schema": schema}}
    responses: dict[int | str, dict[str, Any]] = {status: {"description": "as asked", "content": content}}
    if waiting is not None:
        content = {JSON: {"schema": _schema(waiting, components)}}
        responses[202] = {"description": "stored, and not in force before an approver says so", "content": content}
    responses |= {code: _problem(code) for code in problems}
    extra: dict[str, Any] = {COMPONENTS: components}
    if body is not None:
        extra["requestBody"] = {"required": not optional, "content": {JSON: {"schema": _schema(body, components)}}}
    elif text:
        extra["requestBody"] = {"required": True, "content": {text: {"schema": _TEXT}}}
    return {"status_code": status, "response_class": Response, "responses": responses, "openapi_extra": extra}


def problems_of(statuses: Sequence[int]) -> dict[str, Any]:
    """The problems of `statuses` as the document has them."""
    return {str(status): _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    if status == 304:
        return {"description": _MEANINGS[status]}
    return {"description": _MEANINGS.get(status, "RFC 9457"), "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}}


def _schema(shape: Any, components: dict[str, Any]) -> dict[str, Any]:
    if isinstance(shape, dict):
        return shape
    if isinstance(shape, tuple):
        return {"anyOf": [_schema(each, components) for each in shape]}
    [schema], found = msgspec.json.schema_components((shape,), ref_template="#/components/schemas/{name}", schema_hook=_any)
    components |= found
    return schema


def _any(kind: type) -> dict[str, Any]:
    """Of values that may be anything."""
    if kind in (object, msgspec.Raw):
        return {"description": "any JSON"}
    raise NotImplementedError
