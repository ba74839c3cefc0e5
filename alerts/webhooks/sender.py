"""Sends one signed message to one receiver by HTTP, and reads a bounded part of what it answers."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from alerts.webhooks.addresses import Network
from alerts.webhooks.attempts import Reply
from alerts.webhooks.receiver import AddressRefusedError, Receiver, Resolve, vetted_address

EXCERPT_BYTES_MAX = 1_000
USER_AGENT = "Weir-Webhooks/1"


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
        self._timeout_s = timeout_s
        self._resolve = resolve
        limits = httpx.Limits(max_connections=connections_max, max_keepalive_connections=connections_max, keepalive_expiry=30)
        self._client = httpx.AsyncClient(verify=tls, timeout=timeout_s, limits=limits, trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def send(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Makes one attempt. Never raises because of what the receiver, its name or its network do."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._attempt(headers, body)
        except AddressRefusedError as refused:
            return Answer(Reply(None, is_forbidden=True), fault=str(refused))
        except TimeoutError:
            return Answer(Reply(None), fault=f"no whole answer within {self._timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Answer(Reply(None), fault=f"{type(error).__name__}: {error}"[:200])

    async def _attempt(self, headers: Mapping[str, str], body: bytes) -> Answer:
        receiver = self._receiver
        address = await vetted_address(receiver, self._allowed, self._resolve)
        host = f"[{address}]" if address.version == 6 else str(address)
        request = self._client.build_request(
            "POST",
            f"{receiver.scheme}://{host}:{receiver.port}{receiver.target}",
            headers={"host": receiver.host_header, "content-type": "application/json", "user-agent": USER_AGENT, **headers},
            content=body,
            extensions={"sni_hostname": receiver.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            return Answer(Reply(response.status_code, response.headers.get("retry-after")), await _excerpt(response))
        finally:
            await response.aclose()


async def _excerpt(response: httpx.Response) -> str:
    """The beginning of the body. The rest stays unread, and its connection is given up."""
    found = b""
    async for part in response.aiter_raw():
        found += part
        if len(found) >= EXCERPT_BYTES_MAX:
            break
    return found[:EXCERPT_BYTES_MAX].decode(errors="replace")
