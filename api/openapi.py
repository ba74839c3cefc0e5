"""Builds the OpenAPI document from what FastAPI reads from the routes and from their route docs (`api.http.route_docs`)."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from api.http.problem import as_response, json_answer
from api.http.problem_types import TYPES
from api.http.route_docs import COMPONENTS, problems_of

PATH = "/v1/openapi.json"
ANYWHERE = (422,)
"""Every route may answer with these error statuses."""
EVERYWHERE = (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)
"""Every route below ``/v1`` may answer with these error statuses."""

_TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "a problem by RFC 9457; what, where, expected, got and remedy say how to correct a request that was refused",
    "required": ["type", "title", "status", "detail"],
    "properties": {"status": {"type": "integer"}, "type": {"type": "string", "examples": [each.uri for each in TYPES]}}
    | dict.fromkeys(("title", "detail", "what", "where", "expected", "got", "remedy", "in_force"), _TEXT),
}


def serve_openapi(app: FastAPI) -> None:
    """Makes `app` serve the document, which is built at its first use."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(openapi_of(app))
        return made[0]

    app.openapi = document  # type: ignore[method-assign]

    # FastAPI's own route for the document would accept any query; this one refuses unknown parameters like all other routes.
    @app.get(PATH, include_in_schema=False)
    async def openapi() -> Response:
        return as_response(json_answer(200, document()))


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The document for the routes of `app`.

    Raises:
        ValueError: two different shapes have the same name.
    """
    document = get_openapi(
        title="Weir", version="1", routes=app.routes, description="Scores events as they happen, and answers with decisions and reasons."
    )
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    components["schemas"] = schemas
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operation in _operations(document):
        for name, schema in operation.pop(COMPONENTS, {}).items():
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"two shapes of the API are called {name}")
        operation["responses"].pop("422", None)  # FastAPI's own shape of this error, which the API never gives
        below = path.startswith("/v1")
        if below:
            operation["security"] = [{"token": []}]
        operation["responses"] = problems_of(EVERYWHERE if below else ANYWHERE) | operation["responses"]
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            yield path, operation
