"""Routes below ``/v1/entities/`` are matched on the path before percent-decoding, because an entity's id may hold slashes."""

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/v1/entities/"


class RawEntityPaths:
    """ASGI middleware around `app` that gives routes below ``/v1/entities/`` the path before percent-decoding.

    So ``terminal/a%2Fdecisions`` is the terminal ``a/decisions``, and ``terminal/a/decisions`` asks for the decisions of ``a``. The
    routes decode their path parameters themselves, with `decoded`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Both paths must have the prefix, because the permissions were looked up with the decoded path.
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and scope["raw_path"].startswith(PREFIX.encode()):
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)


def decoded(entity: str, id: str) -> tuple[str, str]:
    """Entity type and id after percent-decoding."""
    return unquote(entity), unquote(id)
