"""HTTP on a connection, with bounds on everything that a slow or hostile caller can draw out: heads, bodies that no route reads, and
answers that the caller does not read. `api.asgi_entry` bounds the size of bodies."""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.problem import Problem
from api.joined_writes import JoinedWrites

HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 100
HEAD_SECONDS_MAX = 10.0
"""The greatest time from the start of the connection, or the first byte of a request, to the end of its headers."""

BODY_SECONDS_MAX = 30.0
"""The greatest time from the end of the headers to the end of the body."""

REQUEST_BYTES_MAX = 50_331_648
"""The greatest size of one request on the wire, with the framing of its chunks; it is greater than that of any accepted body."""

IDLE_SECONDS_MAX = 75
"""The time that a connection may be idle between two requests. It is longer than callers and proxies keep theirs (5 s in httpx, 60 s in
nginx and most load balancers): a caller that sends on a connection just as it is closed gets a reset in place of an answer."""

CLOSING_SECONDS_MAX = 60.0
"""The time that a caller has to read the rest of its last answer."""

CONNECTIONS_MAX = 4_000
TOO_LARGE = "too large"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on time and size. A request that is not HTTP is answered with a problem (RFC 9457).

    Attributes:
        connections_max: connections beyond it are refused; the process sets it at its start.
    """

    connections_max = CONNECTIONS_MAX

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.timeout_keep_alive = IDLE_SECONDS_MAX
        self._in_head = True
        self._bytes = 0
        self._refusal = (HTTPStatus.BAD_REQUEST, "this is not an HTTP request")
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._writes = JoinedWrites(transport, self.loop)
        super().connection_made(self._writes)
        self._start_timer(HEAD_SECONDS_MAX)
        if len(self.connections) > self.connections_max:
            text = f"{self.connections_max} connections are open, which is the most that this process takes"
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, text)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, and starts a timer when a head or body is not complete yet."""
        self._bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or not self._bytes:
            return
        if self._in_head and self._bytes > HEAD_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head of a request may have at most {HEAD_BYTES_MAX} bytes")
        elif self._bytes > REQUEST_BYTES_MAX:
            self.transport.abort()
        else:
            self._start_timer(HEAD_SECONDS_MAX if self._in_head else BODY_SECONDS_MAX)

    def on_headers_complete(self) -> None:
        """Refuses a head that is too large even when it came in one piece; the exception ends the parsing."""
        self._stop_timer()
        self._in_head = False
        long = self._bytes > HEAD_BYTES_MAX and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX
        if long or len(self.headers) > HEADERS_MAX:
            text = f"the head of a request may have at most {HEADERS_MAX} headers and {HEAD_BYTES_MAX} bytes"
            self._refusal = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            raise ValueError(TOO_LARGE)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; the next bytes are the head of another one."""
        self._stop_timer()
        self._in_head = True
        self._bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers with a problem in place of uvicorn's own text."""
        self._refuse(*self._refusal)

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection, and later aborts it if the caller has not read the rest of its answer."""
        super().timeout_keep_alive_handler()
        self._abort_later()

    def on_response_complete(self) -> None:
        """Sends the answer, and does the same when the connection ends with it."""
        self._writes.flush()
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()

    def _abort_later(self) -> None:
        if self.transport.get_write_buffer_size():
            self.loop.call_later(CLOSING_SECONDS_MAX, self.transport.abort)

    def _start_timer(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        part, seconds = ("head", HEAD_SECONDS_MAX) if self._in_head else ("body", BODY_SECONDS_MAX)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._in_head or cycle.response_started:
                self.transport.abort()  # an answer is being sent, so no other one can be
                return
            cycle.disconnected = True  # this makes the application stop waiting for the body
            cycle.message_event.set()
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the {part} of a request has to arrive within {seconds:g} s")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        answer = Problem(status, detail).answer()
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        head += [name + b": " + value for name, value in [*answer.all_headers(), (b"connection", b"close")]]
        self.transport.write(b"\r\n".join([*head, b"", answer.body]))
        self.transport.close()
        self.loop.call_later(HEAD_SECONDS_MAX, self.transport.abort)
