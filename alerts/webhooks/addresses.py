"""Says to which addresses a message may go, because whoever names a receiver must not reach what only this machine can reach.

A public address is one that the registries of IANA call globally reachable (RFC 6890, RFC 8190). An address that carries another one inside
(an IPv4 address mapped into IPv6, NAT64, 6to4, Teredo) is judged by what it carries as well: the network may unwrap it on its way.
"""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from foundation.refusal import Refusal

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_FOR_RECEIVERS: dict[str, tuple[Network, ...]] = {
    kind: tuple(ipaddress.ip_network(network) for network in networks)
    for kind, networks in {
        "this machine": ("127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"),
        "a private network": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        "the local link, where clouds keep their metadata": ("169.254.0.0/16", "fe80::/10"),
        "a provider's own network (CGNAT)": ("100.64.0.0/10",),
        "a group of machines": ("224.0.0.0/4", "ff00::/8", "255.255.255.255/32"),
        "NAT64 of a local network": ("64:ff9b:1::/48",),
        "documentation or tests": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32", "3fff::/20"),
        "a use that the registries reserve": ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4", "100::/64", "5f00::/16"),
    }.items()
}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_V4_COMPATIBLE = ipaddress.IPv6Network("::/96")


def networks(text: str, where: str) -> tuple[Network, ...]:
    """Reads networks with commas between, such as ``10.2.0.0/16, fd00::/8``.

    Raises:
        Refusal: one of them is no network.
    """
    return tuple(_network(part.strip(), where) for part in text.split(",") if part.strip())


def why_not(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Returns what `address` belongs to if no message may go there, such as ``a private network``; None if it is public or allowed.

    Args:
        allowed: networks that messages may go to although they are not public. An address inside another is allowed by its own network.
    """
    for judged in _inside(address) if isinstance(address, ipaddress.IPv6Address) else [address]:
        kind = None if any(judged in network for network in allowed) else _kind_of(judged)
        if kind is not None:
            return kind
    return None


def _kind_of(address: Address) -> str | None:
    for kind, forbidden in _NOT_FOR_RECEIVERS.items():
        if any(address in network for network in forbidden):
            return kind
    return None if address.is_global else "a use that the registries reserve"


def _inside(address: ipaddress.IPv6Address) -> Sequence[Address]:
    """The IPv4 addresses that `address` carries; itself if it carries none."""
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1):
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [address]


def _network(text: str, where: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise Refusal("not a network", where=where, expected="networks such as 10.2.0.0/16", got=text) from None
