"""Every error of the API has one shape: a problem by RFC 9457, ``application/problem+json``."""

from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from api.http.problem_types import ProblemType, type_of
from foundation.refusal import Refusal

PROBLEM_TYPE = b"application/problem+json"
JSON_TYPE = b"application/json"

Headers = list[tuple[bytes, bytes]]
SAFE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""Every answer has these headers: browsers do not guess another content type, and no cache keeps the answer."""
_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """An answer to a caller. `headers` are those beside the content type, the length and `SAFE_HEADERS`."""

    status: int
    body: bytes
    content_type: bytes = JSON_TYPE
    headers: Sequence[tuple[bytes, bytes]] = ()

    def all_headers(self) -> Headers:
        """All headers that are sent: content type, length, `SAFE_HEADERS` and `headers`."""
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type), (b"content-length", length), *SAFE_HEADERS, *self.headers]


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An error that is reported to the caller.

    Args:
        status: the HTTP status, 400 to 599.
        detail: a sentence that says what is wrong; it never holds a secret or a stack trace.
        headers: further headers of the answer, such as ``Retry-After``.
        members: further members of the problem, such as what, where, expected and got; each is a value that JSON can hold.
        type: of the problem; None means the general type of its status.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Sequence[tuple[bytes, bytes]] = (),
        members: Mapping[str, object] | None = None,
        type: ProblemType | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members or {}
        self.type = type or type_of(status)

    def answer(self) -> Answer:
        """The problem as an answer."""
        body = {"type": self.type.uri, "title": self.type.title, "status": self.status, "detail": _sendable(self.detail)}
        body |= {name: _sendable(member) if isinstance(member, str) else member for name, member in self.members.items()}
        return Answer(self.status, _encode(body), PROBLEM_TYPE, self.headers)


def refused(refusal: Refusal, status: int = 422) -> Problem:
    """The problem with the members of `refusal`: what, where, expected, got and remedy."""
    return Problem(status, str(refusal), members=refusal.fields())


def json_answer(status: int, body: object) -> Answer:
    """An answer with `body` as JSON; NaN becomes null."""
    return Answer(status, _encode(body))


def _sendable(text: str) -> str:
    """`text` with each lone surrogate replaced by '?': an escape in YAML can make one, and UTF-8 cannot encode it."""
    return text.encode("utf-8", "replace").decode()


def as_response(answer: Answer) -> Response:
    """`answer` as a response of Starlette."""
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers, answer.content_type.decode())
