"""The pages' way to the API: each call goes through its routes, with the rights of who looks, so that a page shows nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode

import msgspec
from starlette.types import ASGIApp, Message, Scope

from api.auth.permissions import ADMIN, ANYBODY, CALLER, PEER, Caller, forbidden, roles_for
from api.http.problem import Problem

Queried = str | int | float | Sequence[str] | None


class OwnApi:
    """Reads from the API of this process as one caller.

    Args:
        app: the application with all routes, behind whatever authenticates.
        caller: who looks at the page.
        peer: where their request came from.
    """

    def __init__(self, app: ASGIApp, caller: Caller, peer: str) -> None:
        self._app = app
        self._caller = caller
        self._peer = peer

    async def get(self, path: str, query: Mapping[str, Queried] | None = None) -> Any:
        """The JSON that a ``GET`` of `path`, such as ``/v1/cases``, answers; whatever is None in `query` is left out.

        Args:
            path: percent-encoded, as in an address.
            query: what stands behind the question mark.

        Raises:
            Problem: what the route answers, or that the caller may not call it.
        """
        return (await self._answer(path, query or {})).json()

    async def whatever(self, path: str) -> bytes:
        """The body that a ``GET`` of `path` answers, whatever its status and type: of ``/ready``, which says with a 503 what is wrong.

        Raises:
            Problem: the caller may not call it.
        """
        return (await self._answer(path, {})).body

    async def text(self, path: str) -> tuple[str, str]:
        """The text that a ``GET`` of `path`, such as ``/v1/patterns/velocity``, answers, and its ETag.

        Raises:
            Problem: what the route answers, or that the caller may not call it.
        """
        answer = await self._answer(path, {})
        return answer.text(), answer.etag

    async def found(self, path: str, query: Mapping[str, Queried] | None = None) -> Any:
        """As `get`, but None where there is no such thing."""
        try:
            return await self.get(path, query)
        except Problem as problem:
            if problem.status == 404:
                return None
            raise

    async def tried(self, path: str, query: Mapping[str, Queried] | None = None) -> Any:
        """As `get`, but None where it cannot be answered: that costs the page this part alone."""
        try:
            return await self.get(path, query)
        except Problem:
            return None

    async def _answer(self, path: str, query: Mapping[str, Queried]) -> "_Answer":
        allowed = roles_for("GET", unquote(path))
        if allowed != ANYBODY and not self._caller.mask & (allowed or ADMIN):
            raise forbidden(self._caller, allowed)
        answer = _Answer()
        await self._app(self._scope(path, query), _nothing_more, answer)
        return answer

    def _scope(self, path: str, query: Mapping[str, Queried]) -> Scope:
        given = urlencode({name: value for name, value in query.items() if value is not None}, doseq=True)
        return {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": "GET",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": given.encode(),
            "headers": [(b"host", b"console")],
            CALLER: self._caller,
            PEER: self._peer,
        }


def quoted(id: str) -> str:
    """An id as a part of a path."""
    return quote(id, safe="")


class _Answer:
    """An ASGI `send` that keeps an answer."""

    def __init__(self) -> None:
        self._status = 0
        self.body = b""
        self.etag = ""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self.etag = next((value.decode() for name, value in message["headers"] if name == b"etag"), "")
        self.body += message.get("body", b"")

    def text(self) -> str:
        """What was answered, as a text.

        Raises:
            Problem: it is one.
        """
        return self.body.decode() if self._status < 400 else str(self.json())

    def json(self) -> Any:
        """What was answered.

        Raises:
            Problem: it is one.
        """
        try:
            found = msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise Problem(500, "the api answered the console with something that is no JSON") from error
        if self._status >= 400:
            raise Problem(self._status, str(found.get("detail", "")), members={"title": found.get("title")})
        return found


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
