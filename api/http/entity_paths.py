"""Paths of entities as they were written: an id may hold slashes, and only the percent signs say which of them are its own."""

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/v1/entities/"


class AsWritten:
    """An ASGI application around `app`, whose routes below ``/v1/entities/`` are found by the path before it was decoded.

    So ``terminal/a%2Fdecisions`` is the terminal ``a/decisions``, and ``terminal/a/decisions`` asks for the decisions of ``a``. What
    these routes are given is to be decoded with `decoded`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Both must begin so: by the decoded path it was found out who may call.
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and scope["raw_path"].startswith(PREFIX.encode()):
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)


def decoded(entity: str, id: str) -> tuple[str, str]:
    """Kind and id as they are meant."""
    return unquote(entity), unquote(id)
