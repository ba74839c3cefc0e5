"""Every error of the API in one shape: RFC 9457, ``application/problem+json``."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from foundation.refusal import Refusal

PROBLEM_TYPE = b"application/problem+json"
JSON_TYPE = b"application/json"

Headers = list[tuple[bytes, bytes]]
SAFE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""On every answer: no browser takes it for another type than it says, and none between here and the caller keeps it."""
_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """What goes back to a caller: status, body and headers beside content type and length."""

    status: int
    body: bytes
    content_type: bytes = JSON_TYPE
    headers: Sequence[tuple[bytes, bytes]] = ()

    def all_headers(self) -> Headers:
        """The headers with content type and length."""
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type), (b"content-length", length), *SAFE_HEADERS, *self.headers]


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An error that the caller is told of.

    Args:
        status: of HTTP, 400 to 599.
        detail: what is wrong, in a sentence; never holds a secret or a stack trace.
        headers: such as ``Retry-After``.
        members: further members of the problem, such as what, where, expected and got; texts, or what JSON has.
    """

    def __init__(
        self, status: int, detail: str, headers: Sequence[tuple[bytes, bytes]] = (), members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members or {}

    def answer(self) -> Answer:
        """The problem as an answer."""
        body = {"type": "about:blank", "title": _title(self.status), "status": self.status, "detail": _sendable(self.detail)}
        body |= {name: _sendable(member) if isinstance(member, str) else member for name, member in self.members.items()}
        return Answer(self.status, _encode(body), PROBLEM_TYPE, self.headers)


def refused(refusal: Refusal, status: int = 422) -> Problem:
    """The problem that says what, where, expected and got of `refusal`."""
    return Problem(status, str(refusal), members=refusal.fields())


def json_answer(status: int, body: object) -> Answer:
    """`body` as JSON; missing numbers become null."""
    return Answer(status, _encode(body))


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _sendable(text: str) -> str:
    """`text` without the halves of surrogate pairs that an escape of YAML can bring in: UTF-8 has no place for them."""
    return text.encode("utf-8", "replace").decode()


def as_response(answer: Answer) -> Response:
    """`answer` as Starlette sends it."""
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, answer.content_type.decode())
