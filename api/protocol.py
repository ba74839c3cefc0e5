"""HTTP on a connection, with an end to everything that a caller may draw out: heads, bodies that nobody reads, answers that it does
not take. How large a body may be is a matter of `api.asgi_entry`."""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.problem import Problem

HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 100
HEAD_SECONDS_MAX = 10.0
"""From the first byte of a request, or the start of the connection, to the end of its headers."""

BODY_SECONDS_MAX = 30.0
"""From the end of the headers to the end of the body."""

REQUEST_BYTES_MAX = 50_331_648
"""Of one request as it comes, with what chunks are wrapped in; greater than any body that is taken."""

CLOSING_SECONDS_MAX = 60.0
"""How long a caller may take to read what is left of its last answer."""

CONNECTIONS_MAX = 4_000
TOO_LARGE = "too large"


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, not patient for ever. What is no HTTP is answered with a problem (RFC 9457), like all else."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = True
        self._bytes = 0
        self._refusal = (HTTPStatus.BAD_REQUEST, "this is no HTTP request")
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._hurry(HEAD_SECONDS_MAX)
        if len(self.connections) > CONNECTIONS_MAX:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{CONNECTIONS_MAX} connections are open, no more are taken")

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, and hurries whoever has not ended what it began."""
        self._bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or not self._bytes:
            return
        if self._in_head and self._bytes > HEAD_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head of a request has at most {HEAD_BYTES_MAX} bytes")
        elif self._bytes > REQUEST_BYTES_MAX:
            self.transport.abort()
        else:
            self._hurry(HEAD_SECONDS_MAX if self._in_head else BODY_SECONDS_MAX)

    def on_headers_complete(self) -> None:
        """Refuses a head that is too large although it came at once; the exception ends the parsing."""
        self._relax()
        self._in_head = False
        long = self._bytes > HEAD_BYTES_MAX and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX
        if long or len(self.headers) > HEADERS_MAX:
            text = f"the head of a request has at most {HEADERS_MAX} headers and {HEAD_BYTES_MAX} bytes"
            self._refusal = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            raise ValueError(TOO_LARGE)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes now is the head of another request."""
        self._relax()
        self._in_head = True
        self._bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Instead of uvicorn's own text."""
        self._refuse(*self._refusal)

    def timeout_keep_alive_handler(self) -> None:
        """The connection is idle: what its caller has not read by the end of a further time is thrown away."""
        super().timeout_keep_alive_handler()
        self._let_go()

    def on_response_complete(self) -> None:
        """The same where the connection ends with the answer."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._let_go()

    def _let_go(self) -> None:
        if self.transport.get_write_buffer_size():
            self.loop.call_later(CLOSING_SECONDS_MAX, self.transport.abort)

    def _hurry(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def _relax(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        part, seconds = ("head", HEAD_SECONDS_MAX) if self._in_head else ("body", BODY_SECONDS_MAX)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._in_head or cycle.response_started:
                self.transport.abort()  # an answer is under way: nothing can be said in between
                return
            cycle.disconnected = True  # so the application stops to wait for the body
            cycle.message_event.set()
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the {part} of a request has to come within {seconds:g} s")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        answer = Problem(status, detail).answer()
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        head += [name + b": " + value for name, value in [*answer.all_headers(), (b"connection", b"close")]]
        self.transport.write(b"\r\n".join([*head, b"", answer.body]))
        self.transport.close()
        self.loop.call_later(HEAD_SECONDS_MAX, self.transport.abort)
