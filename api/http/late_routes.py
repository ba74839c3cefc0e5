"""Routes that FastAPI works out at their first request: an application has 150 of them, and a process asks few."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name

from api.http.query import require_known_query


class LateRoute(APIRoute):
    """A route that knows its path and methods from the beginning, and all else once somebody asks for it.

    FastAPI reads the signature of a handler and builds a validator for each parameter when the route is declared, and all of it a second
    time when a router is included into an application: 2 ms a route.

    Args:
        path: with its prefix.
        endpoint: the handler.
        methods: of HTTP.
        name: of the route; by default that of the handler.
        declared: what else `APIRoute` takes.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: Sequence[str], name: str | None = None, **declared: Any
    ) -> None:
        self.path, self.endpoint = path, endpoint
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.methods = {method.upper() for method in methods}
        self.name = name or get_name(endpoint)
        self._declared = declared

    def __getattr__(self, attribute: str) -> Any:
        """Works the route out; only what it does not know yet is asked for here."""
        declared = self.__dict__.pop("_declared", None)
        if declared is None:
            raise AttributeError(f"a route has no {attribute}")
        super().__init__(self.path, self.endpoint, methods=self.methods, name=self.name, **declared)
        return getattr(self, attribute)


def late_routes(tag: str, prefix: str = "/v1") -> APIRouter:
    """A router of late routes below `prefix`, all of which refuse parameters that they do not declare.

    An application takes its routes as they are (`FastAPI(routes=...)`): a router that is included is worked out whole at the first request.
    """
    return APIRouter(tags=[tag], prefix=prefix, dependencies=[Depends(require_known_query)], route_class=LateRoute)
