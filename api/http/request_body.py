"""The body of a request, read whole."""

from starlette.types import Receive

from api.http.problem import Problem

GONE = "the caller went away before the end of the body"


async def read_body(receive: Receive) -> bytes:
    """The whole body.

    Raises:
        Problem: 400, the caller went away in the middle of it.
    """
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem(400, GONE)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
