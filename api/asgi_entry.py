"""The ASGI entry in front of FastAPI: it authenticates callers, bounds bodies, answers the two hot routes and gives errors one shape.

A request through FastAPI costs about 85 µs and a bare ASGI route 17 µs. So the two calls that are made for each transaction,
``POST /v1/decisions`` and ``GET /v1/scores``, do not go through FastAPI.
"""

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.admission import Admission
from api.auth.authenticator import Authenticator
from api.auth.permissions import ADMIN, ADMISSION, ANYBODY, CALLER, PEER, TABLE, forbidden, roles_for
from api.auth.session_cookie import session_authorization
from api.console.console import Console
from api.http.gzip_body import GZIPPED, check_encoding, inflate
from api.http.json_body import NOT_JSON
from api.http.metrics import ApiMetrics
from api.http.peer import Peers
from api.http.problem import SAFE_HEADERS, Answer, Problem, refused
from api.http.problem_types import RECORD_NOT_TAKEN, STORE_AWAY
from api.http.request_body import GONE, read_body
from api.kafka.log import LogFullError, LogUnavailableError
from foundation.refusal import Refusal
from stores.decisions import StoreUnavailableError

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 1_048_576
TYPES = frozenset(
    (b"", b"application/json", b"application/octet-stream", b"application/x-www-form-urlencoded", b"application/x-yaml",
     b"application/yaml", b"text/json", b"text/plain", b"text/x-yaml", b"text/yaml")
)  # fmt: skip
"""The content types that a body may have. Each route takes one shape, so the type has no further effect."""
LARGE_BYTES_MAX = 20_971_520
"""The greatest size of a body that may hold lists, or all rules of a release."""
_LARGE = ("/v1/releases", "/v1/patterns:upload")
ROUTES = frozenset(shape.removeprefix("/v1").split("/")[1].partition(":")[0] for _, shape, _ in TABLE)
"""The first parts of the paths of all routes, by which figures count requests; they count any other path as ``other``."""
DECIDERS = roles_for("POST", "/v1/decisions")
SCORE_READERS = roles_for("GET", "/v1/scores/entity/id")

Decide = Callable[[bytes, bytes], Awaitable[Answer]]
Scores = Callable[[str, bytes], Awaitable[Answer]]


class AsgiEntry:
    """The ASGI application that callers reach.

    Args:
        app: the application with all routes but the hot ones.
        authenticator: finds out who calls.
        decide: answers ``POST /v1/decisions``; it gets the body and the query string.
        scores: answers ``GET /v1/scores/``; it gets the rest of the path and the query string.
        api_metrics: the metrics of this process.
        peers: reads the address that a request came from.
        console: answers with pages for people.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        decide: Decide,
        scores: Scores,
        api_metrics: ApiMetrics,
        peers: Peers,
        console: Console,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._peers = peers
        self._console = console
        self._decide = decide
        self._scores = scores
        self._api_metrics = api_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # other scopes, such as WebSockets, have no authentication and are not served
        sent = Sent(send)
        began = time.perf_counter()
        try:
            answer = await self._hot(scope, receive)
            if answer is None:
                bounded = Bounded(receive, bytes_max_of(scope["path"]))
                app = self._console if self._console.serves(scope["path"]) else self._app
                await app(scope, Inflated(bounded) if GZIPPED in scope else bounded, sent)
        except Exception as error:
            # Starlette answers an unexpected error through its exception handler and raises it as well.
            answer = None if sent.status else problem_of(error).answer()
        if answer is not None:
            await sent.answer(answer)
        route = _route(scope["path"])
        self._api_metrics.count_request(route, sent.status, None if route == "stream" else time.perf_counter() - began)

    async def close(self) -> None:
        """Closes the connections of the authenticator."""
        await self._authenticator.close()

    async def _hot(self, scope: Scope, receive: Receive) -> Answer | None:
        """Authenticates the caller; gives the answer of a hot route, and None for the others, which FastAPI answers."""
        path: str = scope["path"]
        method: str = scope["method"]
        authorization = self._read_headers(scope, path)
        if self._console.serves(path):
            return None  # it finds out by itself who looks, and shows somebody who has to sign in where
        if authorization is None:
            authorization = session_authorization(scope)
        decides = path == "/v1/decisions" and method == "POST"
        scores = not decides and method == "GET" and path.startswith("/v1/scores/")
        allowed = DECIDERS if decides else SCORE_READERS if scores else roles_for(method, path)
        if allowed != ANYBODY:
            caller = self._authenticator.known(authorization) or await self._authenticator.identify(authorization, self._peers.of(scope))
            if not caller.mask & (allowed or ADMIN):
                raise forbidden(caller, allowed)
            scope[CALLER] = caller
            if not (decides or scores):
                scope[PEER] = self._peers.of(scope)
                scope[ADMISSION] = Admission(self._authenticator, authorization, allowed, scope[PEER])
        elif authorization is not None:
            await self._note_caller(scope, authorization)
        if decides:
            bounded = Bounded(receive)
            return await self._decide(await read_body(Inflated(bounded) if GZIPPED in scope else bounded), scope["query_string"])
        if scores:
            return await self._scores(path[11:], scope["query_string"])
        return None

    def _read_headers(self, scope: Scope, path: str) -> bytes | None:
        """The header ``Authorization``, or None; refuses a body with a bad type, encoding or length before it is read."""
        authorization = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if authorization is not None:
                    raise self._authenticator.refuse("two_headers", self._peers.of(scope))
                authorization = value
            elif name == b"content-type" and not is_text(value):
                got = value[:80].decode("latin-1")
                raise Problem(415, f"content-type: a body has to be JSON, YAML or plain text, and the request says {got}")
            elif name == b"content-encoding" and check_encoding(value, path):
                scope[GZIPPED] = True
            elif name == b"content-length" and (len(value) > 9 or not value.isdigit() or int(value) > bytes_max_of(path)):
                raise too_large(bytes_max_of(path))
        return authorization

    async def _note_caller(self, scope: Scope, authorization: bytes) -> None:
        """Notes the caller of a route that needs no token: callers with a valid token get more details, all others are answered too."""
        with contextlib.suppress(Problem):
            scope[CALLER] = self._authenticator.known(authorization) or await self._authenticator.identify(
                authorization, self._peers.of(scope)
            )


class Sent:
    """An ASGI `send` that adds `SAFE_HEADERS` and remembers the status that was sent; it is 0 before."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(header for header in SAFE_HEADERS if header[0] not in names)]
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        """Sends `answer`."""
        self.status = answer.status
        await self._send({"type": "http.response.start", "status": answer.status, "headers": answer.all_headers()})
        await self._send({"type": "http.response.body", "body": answer.body})


class Bounded:
    """An ASGI `receive` that raises the answer 413 once a body has more than `bytes_max` bytes."""

    def __init__(self, receive: Receive, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._receive = receive
        self._bytes = 0
        self._bytes_max = bytes_max

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._bytes_max:
            raise too_large(self._bytes_max)
        return message


class Inflated:
    """An ASGI `receive` that inflates a gzip body and gives all of it as one message."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = False

    async def __call__(self) -> Message:
        if self._read:
            return await self._receive()
        self._read = True
        return {"type": "http.request", "body": inflate(await read_body(self._receive), BODY_BYTES_MAX), "more_body": False}


def is_text(content_type: bytes) -> bool:
    """Whether a body of this content type is accepted. The type of forms is, because many programs send it by default."""
    kind = content_type.partition(b";")[0].strip().lower()
    return kind in TYPES or kind.endswith((b"+json", b"+yaml"))


def bytes_max_of(path: str) -> int:
    """The greatest size in bytes of a body that a route accepts."""
    return LARGE_BYTES_MAX if path in _LARGE or path.startswith("/v1/lists/") else BODY_BYTES_MAX


def too_large(bytes_max: int) -> Problem:
    """The answer 413; the connection is closed, so that the rest of the body need not be read."""
    return Problem(413, f"the body is too large: this route takes at most {bytes_max} bytes", [(b"connection", b"close")])


def problem_of(error: Exception) -> Problem:
    """The problem that a caller gets for `error`; an unexpected error is logged, and the caller gets no details of it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refusal):
        return refused(error, 400 if error.what == NOT_JSON else 422)
    if isinstance(error, LogFullError):
        return Problem(429, f"the record was not taken: {error}", [(b"retry-after", b"1")], type=RECORD_NOT_TAKEN)
    if isinstance(error, LogUnavailableError):
        return Problem(503, f"the record was not taken: {error}", [(b"retry-after", b"1")], type=RECORD_NOT_TAKEN)
    if isinstance(error, StoreUnavailableError):
        return Problem(503, f"a store does not answer: {error}", [(b"retry-after", b"1")], type=STORE_AWAY)
    if isinstance(error, ClientDisconnect):
        return Problem(400, GONE)
    log.error("request failed", exc_info=error)
    return Problem(500, "the api failed to answer this request; its log says why")


def _route(path: str) -> str:
    first = path.removeprefix("/v1/").partition("/")[0].partition(":")[0] if path.startswith("/v1/") else path.removeprefix("/")
    return first if first in ROUTES else "other"
