"""Reading the whole body of a request."""

from starlette.types import Receive

from api.http.problem import Problem

GONE = "the caller closed the connection before the end of the body"


async def read_body(receive: Receive) -> bytes:
    """Reads the whole body of a request.

    Raises:
        Problem: 400, the caller closed the connection before the end of the body.
    """
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem(400, GONE)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
