"""Finds out where a message goes: the URL of a receiver, and the vetted address that its name stands for at this moment.

A name may stand for one address when it is checked and for another when it is used (DNS rebinding). So whoever sends asks here before each
attempt, and connects to the address that was vetted, not to the name.
"""

import asyncio
import contextlib
import functools
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from alerts.webhooks.addresses import Address, Network, why_not
from foundation.refusal import Refusal
from stores.casework.webhooks import WEBHOOKS_MAX

URL_LENGTH_MAX = 2_000
ADDRESSES_MAX = 64
"""A name that stands for more addresses than this is refused, because each of them is vetted."""

_RESOLVING = ThreadPoolExecutor(WEBHOOKS_MAX, "resolving")
"""A question that nobody answers keeps its thread for long, so that the threads of the stores do not ask, and each webhook has one."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, as texts; raises OSError if the name is not known."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Is a URL that was checked in itself: its scheme, the name or address behind it, its port (1 to 65535), its path with the query."""

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The header ``Host``: the port is left out where the scheme implies it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


class AddressRefusedError(Exception):
    """The name of a receiver stands for an address that no message may go to; the text says for which."""


def read_receiver(url: str, where: str, is_plain_allowed: bool = False) -> Receiver:
    """Reads the URL of a receiver.

    Args:
        url: the URL as a user wrote it.
        where: the place that a refusal names.
        is_plain_allowed: whether http will do, too, where everybody on the way can read and change a message.

    Raises:
        Refusal: it is no URL of that scheme, holds a password, a fragment or characters that a URL has not, or is too long.
    """
    expected = f"a URL such as https://example.com/weir{', or one of http' if is_plain_allowed else ''}"
    if len(url) > URL_LENGTH_MAX or not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise Refusal("not a URL", where=where, expected=f"at most {URL_LENGTH_MAX} visible ASCII characters", got=url)
    parts, port = _split(url, where, expected)
    if parts.scheme not in (("https", "http") if is_plain_allowed else ("https",)) or not parts.hostname or port == 0:
        raise Refusal("not a URL of a receiver", where=where, expected=expected, got=url)
    if parts.username is not None or parts.password is not None or parts.fragment:
        got = "a URL with a user, a password or a fragment, which is not shown"
        remedy = "a receiver recognises messages by their signature; a token may stand in the path"
        raise Refusal("not a URL of a receiver", where=where, expected=expected, got=got, remedy=remedy)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Receiver(url, parts.scheme, parts.hostname.rstrip("."), port or {"https": 443, "http": 80}[parts.scheme], target)


async def vetted_address(receiver: Receiver, allowed: Sequence[Network], resolve: Resolve | None = None) -> Address:
    """Returns the address to connect to now: the first one of the receiver's, after all of them were found to be public or `allowed`.

    A name with one forbidden address is refused whole, because the next question might give that one.

    Raises:
        AddressRefusedError: one of its addresses is neither.
        OSError: the name is not known, or stands for nothing.
    """
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in await (resolve or resolve_by_system)(receiver.host, receiver.port)]
    if not 0 < len(found) <= ADDRESSES_MAX:
        raise OSError(f"{receiver.host} stands for {len(found)} addresses, and 1 to {ADDRESSES_MAX} are expected")
    for address in found:
        if (kind := why_not(address, allowed)) is not None:
            raise AddressRefusedError(f"{receiver.host} stands for an address of {kind}")
    return found[0]


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Asks the resolver of this machine, which also reads addresses in forms such as 0x7f.1 or 2130706433; an address stands for itself."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVING, ask)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _split(url: str, where: str, expected: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise Refusal("not a URL", where=where, expected=expected, got=url) from None
