"""One connection to a receiver at a vetted address, over which one request after another is made.

The grammar of answers is that of httptools, a parser in C. A client that follows redirects, reads proxies from the environment and shares
connections between names is more than a receiver may get, and costs several times the CPU of this one for each message.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

import httptools

from alerts.webhooks.addresses import Address

READ_BYTES = 65_536
HEAD_BYTES_MAX = 16_384
"""An answer has its headers within so many bytes of what comes, or it is given up."""


class ConnectionEndedError(Exception):
    """The other side ended a kept connection before it answered, as it may at any time; another connection may serve."""


class NoHttpError(Exception):
    """What came is no answer of HTTP, or what was to be sent is no request."""


class _Answer:
    """Gathers what the parser finds. An informational answer (1xx) is passed over, because the one that counts follows.

    Attributes:
        status: of HTTP; 0 before it is known.
        headers: by lower-case name.
        is_whole: whether all of it came.
        is_last: whether no other request may follow on its connection.
    """

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()
        self.status = 0
        self.is_whole = self.is_last = False
        self._parser: Any = httptools.HttpResponseParser(self)

    @property
    def ends_with_connection(self) -> bool:
        """Whether nothing else says where the body ends."""
        return self.status >= 200 and not {b"content-length", b"transfer-encoding"} & self.headers.keys()

    def take(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            NoHttpError: they are no part of an answer.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NoHttpError(f"the answer is no HTTP: {error}") from error

    def let_go(self) -> None:
        """Lets the parser go, which refers to this object."""
        self._parser = None

    def on_message_begin(self) -> None:
        self.is_last = self.is_last or self.is_whole  # an answer that nobody asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_whole:
            self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        if not self.is_whole:
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        if not self.is_whole:
            self.body += data

    def on_message_complete(self) -> None:
        if self.is_whole:
            return
        if self.status < 200:
            self.status, self.headers = 0, {}
        else:
            self.is_whole, self.is_last = True, not self._parser.should_keep_alive()  # which the parser knows now alone


class HttpConnection:
    """Is connected. It is for one request at a time.

    Args:
        reader, writer: of the connection.
        address: what it leads to.
        since_s: when it was made, seconds of the loop's clock.

    Attributes:
        idle_since_s: when its last request ended.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address, since_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._is_idle = True
        self.address = address
        self.idle_since_s = since_s

    @property
    def is_open(self) -> bool:
        """Whether another request may be made."""
        return self._is_idle and not self._reader.at_eof() and not self._writer.is_closing()

    async def post(
        self, target: str, headers: Sequence[tuple[str, str]], body: bytes, body_bytes_max: int
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """Makes a request; returns status, headers by lower-case name and the first `body_bytes_max` bytes of the answer.

        A longer answer ends the connection, and so does one that is followed by what nobody asked for.

        Raises:
            ConnectionEndedError: no byte came before the other side ended the connection.
            OSError, NoHttpError: the connection broke, or what came is no HTTP. The connection has to be closed.
        """
        self._is_idle = False
        self._writer.write(_request(target, headers, body))
        await self._writer.drain()
        answer = _Answer()
        try:
            await self._read(answer, body_bytes_max)
        finally:
            answer.let_go()
        self._is_idle = answer.is_whole and not answer.is_last
        if self._is_idle:
            self.idle_since_s = asyncio.get_running_loop().time()
        else:
            self.close()
        return answer.status, answer.headers, bytes(answer.body[:body_bytes_max])

    def close(self) -> None:
        """Gives the connection up at once."""
        self._writer.transport.abort()

    async def _read(self, answer: _Answer, body_bytes_max: int) -> None:
        came = 0
        while not answer.is_whole and len(answer.body) < body_bytes_max:
            data = await self._reader.read(READ_BYTES)
            if not data and answer.ends_with_connection:
                return
            if not data:
                raise NoHttpError("the answer ended in its middle") if came else ConnectionEndedError("no answer came")
            came += len(data)
            answer.take(data)
            if answer.status < 200 and came > HEAD_BYTES_MAX:
                raise NoHttpError(f"the answer has more than {HEAD_BYTES_MAX} bytes of headers")


def _request(target: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), f"content-length: {len(body)}"]
    if any("\r" in line or "\n" in line for line in lines):
        raise NoHttpError("a header of the request would have more than one line")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


async def connected(address: Address, port: int, tls: ssl.SSLContext | None, name: str) -> HttpConnection:
    """Connects to `address`; with `tls` the certificate has to be one of `name`.

    Raises:
        OSError: nobody answers there, or the certificate does not fit.
    """
    reader, writer = await asyncio.open_connection(str(address), port, ssl=tls, server_hostname=name if tls else None)
    return HttpConnection(reader, writer, address, asyncio.get_running_loop().time())
