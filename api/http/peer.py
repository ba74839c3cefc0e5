"""The address that a request came from: that of the connection, or the one that a trusted proxy names."""

import ipaddress
from collections.abc import MutableMapping
from typing import Any

from foundation.refusal import Refusal

UNKNOWN = "unknown"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Peers:
    """Reads the caller's address from a request.

    Args:
        proxies: networks of the proxies whose header ``X-Forwarded-For`` is believed. By default none is, because anybody can send that
            header.
    """

    def __init__(self, proxies: tuple[Network, ...] = ()) -> None:
        self._proxies = proxies

    def of(self, scope: MutableMapping[str, Any]) -> str:
        """``address:port`` of the connection; behind a trusted proxy, the last address in ``X-Forwarded-For`` that is no trusted proxy."""
        client = scope.get("client")
        if not client:
            return UNKNOWN
        host, port = client
        if self._proxies and self._is_proxy(host):
            return self._forwarded(scope) or f"{host}:{port}"
        return f"{host}:{port}"

    def _forwarded(self, scope: MutableMapping[str, Any]) -> str:
        said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        address = ""
        for text in reversed(said.split(",")):
            found = _address(text.strip())
            if found is None:
                break  # the entries before it were written by somebody who is not trusted
            address = str(found)
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._proxies)


def read_peers(trusted_proxies: str) -> Peers:
    """Reads the setting ``WEIR_TRUSTED_PROXIES``: addresses or networks, separated by commas.

    Raises:
        Refusal: an item is neither an address nor a network.
    """
    networks = []
    for text in filter(None, map(str.strip, trusted_proxies.split(","))):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            expected = "addresses or networks separated by commas, such as 10.0.0.0/8"
            raise Refusal("bad trusted proxy", where="WEIR_TRUSTED_PROXIES", expected=expected, got=text[:80]) from error
    return Peers(tuple(networks))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
