"""The OpenAPI document: what FastAPI sees of the routes and what they tell of themselves (`api.http.route_docs`), put together."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from api.http.problem import as_response, json_answer
from api.http.route_docs import COMPONENTS, problems_of

PATH = "/v1/openapi.json"
ANYWHERE = (422,)
"""Problems that every route may answer."""
EVERYWHERE = (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)
"""Problems that any route below ``/v1`` may answer."""

_TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457; what, where, expected, got and remedy say how to mend a request that was refused",
    "required": ["type", "title", "status", "detail"],
    "properties": {"status": {"type": "integer"}}
    | dict.fromkeys(("type", "title", "detail", "what", "where", "expected", "got", "remedy", "in_force"), _TEXT),
}


def tell_openapi(app: FastAPI) -> None:
    """Has `app` serve the whole document, made once."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(openapi_of(app))
        return made[0]

    app.openapi = document  # type: ignore[method-assign]

    # A route like all others, which FastAPI's own is not: it would take any query.
    @app.get(PATH, include_in_schema=False)
    async def told() -> Response:
        return as_response(json_answer(200, document()))


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The document of the routes of `app`.

    Raises:
        ValueError: two shapes have one name.
    """
    document = get_openapi(
        title="Weir", version="1", routes=app.routes, description="Scores events while they happen, and answers with decisions and reasons."
    )
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    components["schemas"] = schemas
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operation in _operations(document):
        for name, schema in operation.pop(COMPONENTS, {}).items():
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"two shapes of the API are called {name}")
        operation["responses"].pop("422", None)  # FastAPI's own shape, which no answer has
        below = path.startswith("/v1")
        if below:
            operation["security"] = [{"token": []}]
        operation["responses"] = problems_of(EVERYWHERE if below else ANYWHERE) | operation["responses"]
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            yield path, operation
