"""One connection to a receiver at a vetted address, over which one request after another is made.

The grammar of HTTP is h11's. A client that follows redirects, reads proxies from the environment and shares connections between names is
more than a receiver may get, and costs several times the CPU of this one for each message.
"""

import asyncio
import ssl

import h11

from alerts.webhooks.addresses import Address

READ_BYTES = 65_536


class ConnectionEndedError(Exception):
    """The other side ended a kept connection before it answered, as it may at any time; another connection may serve."""


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
        self._state = h11.Connection(h11.CLIENT)
        self.address = address
        self.idle_since_s = since_s

    @property
    def is_open(self) -> bool:
        """Whether another request may be made."""
        return self._state.our_state is h11.IDLE and not self._reader.at_eof() and not self._writer.is_closing()

    async def post(
        self, target: str, headers: list[tuple[str, str]], body: bytes, body_bytes_max: int
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """Makes a request; returns status, headers and the first `body_bytes_max` bytes of the answer. A longer one ends the connection.

        Raises:
            ConnectionEndedError: no byte came before the other side ended the connection.
            OSError, h11.ProtocolError: the connection broke, or what came is no HTTP. The connection has to be closed.
        """
        headers = [*headers, ("content-length", str(len(body)))]
        events = (h11.Request(method="POST", target=target, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._state.send(event) or b"" for event in events))
        await self._writer.drain()
        response = await self._response()
        found = bytearray()
        while len(found) < body_bytes_max and isinstance(event := await self._next(), h11.Data):
            found += event.data
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
            self.idle_since_s = asyncio.get_running_loop().time()
        else:
            self.close()
        return response.status_code, dict(response.headers), bytes(found[:body_bytes_max])

    def close(self) -> None:
        """Gives the connection up at once."""
        self._writer.transport.abort()

    async def _response(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("no answer came")

    async def _next(self) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(READ_BYTES)
            if not data and self._state.their_state is h11.SEND_RESPONSE and not self._state.trailing_data[0]:
                raise ConnectionEndedError("the receiver ended the connection without an answer")
            self._state.receive_data(data)
        return event


async def connected(address: Address, port: int, tls: ssl.SSLContext | None, name: str) -> HttpConnection:
    """Connects to `address`; with `tls` the certificate has to be one of `name`.

    Raises:
        OSError: nobody answers there, or the certificate does not fit.
    """
    reader, writer = await asyncio.open_connection(str(address), port, ssl=tls, server_hostname=name if tls else None)
    return HttpConnection(reader, writer, address, asyncio.get_running_loop().time())
