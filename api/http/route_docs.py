"""Route docs: what a route adds to the OpenAPI document beyond what FastAPI reads from its signature: bodies, answers, problems."""

import functools
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Response

COMPONENTS = "x-weir-components"
"""The key under which a route keeps its schemas until `api.openapi` builds the document."""

JSON = "application/json"
PROBLEM = "application/problem+json"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}
_TEXT = {"type": "string"}
_TEXTS = {"application/yaml": {"description": "a definition as it was uploaded"}}
_MEANINGS = {
    304: "the caller has the current version already",
    404: "there is no such resource",
    409: "the request conflicts with what exists",
    412: "the resource was changed since the caller read it",
}


def route_docs(
    answer: Any, *problems: int, status: int = 200, body: Any = None, text: str = "", optional: bool = False, waiting: Any = None
) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route.

    Args:
        answer: the type of the JSON answer; a tuple of types when it may be any of them; a media type when the answer is not JSON.
        problems: statuses that the route may answer beside those that every route may (see `api.openapi`).
        status: the status of the answer.
        body: the type of the JSON body; `OBJECT` is any object.
        text: the media type of the body when it is not JSON.
        optional: whether the body may be left out.
        waiting: the type of the answer 202, which a route gives when it stored the body and an approver has to put it in force.
    """
    components: dict[str, Any] = {}
    media, schema = (answer, _TEXTS.get(answer, _TEXT)) if isinstance(answer, str) else (JSON, _schema(answer, components))
    content = {media: {"schema": schema}}
    responses: dict[int | str, dict[str, Any]] = {status: {"description": "as asked", "content": content}}
    if waiting is not None:
        content = {JSON: {"schema": _schema(waiting, components)}}
        responses[202] = {"description": "stored; an approver has to put it in force", "content": content}
    responses |= {code: _problem(code) for code in problems}
    extra: dict[str, Any] = {COMPONENTS: components}
    if body is not None:
        extra["requestBody"] = {"required": not optional, "content": {JSON: {"schema": _schema(body, components)}}}
    elif text:
        extra["requestBody"] = {"required": True, "content": {text: {"schema": _TEXT}}}
    return {"status_code": status, "response_class": Response, "responses": responses, "openapi_extra": extra}


def problems_of(statuses: Sequence[int]) -> dict[str, Any]:
    """The entries of `statuses` in the document."""
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
    schema, found = _schema_of_type(shape)
    components |= found
    return schema


@functools.cache
def _schema_of_type(shape: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a type, and those that it refers to: nobody may change them, since all applications of a process share them."""
    [schema], found = msgspec.json.schema_components((shape,), ref_template="#/components/schemas/{name}", schema_hook=_any)
    return schema, found


def _any(kind: type) -> dict[str, Any]:
    """The schema of a type whose values may be any JSON."""
    if kind in (object, msgspec.Raw):
        return {"description": "any JSON"}
    raise NotImplementedError
