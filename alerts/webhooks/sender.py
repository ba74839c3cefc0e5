"""Sends one signed message to one receiver by HTTP, and reads a bounded part of what it answers."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.webhooks.addresses import Address, Network
from alerts.webhooks.attempts import Reply
from alerts.webhooks.http_connection import ConnectionEndedError, HttpConnection, NoHttpError, connected
from alerts.webhooks.receiver import AddressRefusedError, Receiver, Resolve, resolve_by_system, vetted_address

EXCERPT_BYTES_MAX = 1_000
USER_AGENT = "Weir-Webhooks/1"
KEPT_SECONDS_MAX = 30.0
"""A connection that was idle for longer is not used again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Is what came of sending.

    Args:
        reply: what decides about what follows.
        excerpt: the first `EXCERPT_BYTES_MAX` bytes of the receiver's body, as text. It may hold what the receiver's network keeps to
            itself, so only an admin may read it.
        fault: why no answer came, in words; empty if one came.
    """

    reply: Reply
    excerpt: str = ""
    fault: str = ""


class Sender:
    """Sends to one receiver over connections that are kept. Nothing of it is shared with another receiver.

    Each sending resolves the name again and connects to the address that was vetted; a kept connection leads to an address that was vetted
    when it was made, and is used for that address alone. TLS checks the certificate against the name. Redirects are not followed, and no
    proxy or password of the environment is used.

    Args:
        receiver: where messages go.
        allowed: networks that are not public, but may be reached all the same.
        tls: which certificates are trusted; one context serves all senders of a process, because each costs 20 ms to make.
        timeout_s: how long an attempt may take in all, however slowly the receiver speaks.
        resolve: gives the addresses of a name; by default the resolver of this machine.
        connections_max: number of messages that may be on their way at a time.
    """

    def __init__(
        self,
        receiver: Receiver,
        allowed: Sequence[Network],
        tls: ssl.SSLContext,
        timeout_s: float,
        resolve: Resolve | None = None,
        connections_max: int = 20,
    ) -> None:
        self._receiver = receiver
        self._allowed = allowed
        self._tls = tls if receiver.scheme == "https" else None
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._room = asyncio.Semaphore(connections_max)
        self._idle: list[HttpConnection] = []
        self._asked: asyncio.Future[Sequence[str]] | None = None

    async def close(self) -> None:
        """Closes all connections."""
        while self._idle:
            self._idle.pop().close()
        if self._asked is not None:
            self._asked.cancel()

    async def send(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Makes one attempt. Never raises because of what the receiver, its name or its network do."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._attempt(headers, body)
        except AddressRefusedError as refused:
            return Answer(Reply(None, is_forbidden=True), fault=str(refused))
        except TimeoutError:
            return Answer(Reply(None), fault=f"no whole answer within {self._timeout_s:g} s")
        except (NoHttpError, ConnectionEndedError, OSError, UnicodeError) as error:
            return Answer(Reply(None), fault=f"{type(error).__name__}: {error}"[:200])

    async def _attempt(self, headers: Mapping[str, str], body: bytes) -> Answer:
        receiver = self._receiver
        address = await vetted_address(receiver, self._allowed, self._addresses)
        own = {"host": receiver.host_header, "content-type": "application/json", "user-agent": USER_AGENT, **headers}
        async with self._room:
            with contextlib.suppress(ConnectionEndedError):
                if (kept := self._kept(address)) is not None:
                    return await self._posted(kept, own, body)
            return await self._posted(await connected(address, receiver.port, self._tls, receiver.host), own, body)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Asks anew unless a question is under way: attempts side by side share its answer, which comes after all of them began."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future((self._resolve or resolve_by_system)(host, port))
            self._asked.add_done_callback(lambda asked: asked.cancelled() or asked.exception())  # each waiting attempt is told of it
        return await asyncio.shield(self._asked)

    def _kept(self, address: Address) -> HttpConnection | None:
        """A connection to `address` that was kept; others that are of no more use are closed."""
        since_s = asyncio.get_running_loop().time() - KEPT_SECONDS_MAX
        while self._idle:
            kept = self._idle.pop()
            if kept.is_open and kept.address == address and kept.idle_since_s >= since_s:
                return kept
            kept.close()
        return None

    async def _posted(self, connection: HttpConnection, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            status, told, excerpt = await connection.post(self._receiver.target, list(headers.items()), body, EXCERPT_BYTES_MAX)
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        retry_after = told.get(b"retry-after")
        retry_text = None if retry_after is None else retry_after.decode("latin-1")
        return Answer(Reply(status, retry_text), excerpt.decode(errors="replace"))
