"""The table of addresses to which messages may and may not go."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.webhooks.addresses import networks, why_not
from foundation.refusal import Refusal

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
FORBIDDEN = [
    ("127.0.0.1", "this machine"),
    ("127.255.255.254", "this machine"),
    ("0.0.0.0", "this machine"),
    ("::1", "this machine"),
    ("::", "this machine"),
    ("10.0.0.1", "private network"),
    ("172.16.0.1", "private network"),
    ("172.31.255.255", "private network"),
    ("192.168.1.1", "private network"),
    ("fc00::1", "private network"),
    ("fdff::1", "private network"),
    ("fec0::1", "private network"),
    ("169.254.169.254", "metadata"),
    ("fe80::1", "metadata"),
    ("100.64.0.1", "CGNAT"),
    ("100.127.255.255", "CGNAT"),
    ("224.0.0.1", "group"),
    ("239.255.255.255", "group"),
    ("255.255.255.255", "group"),
    ("ff02::1", "group"),
    ("::ffff:127.0.0.1", "this machine"),
    ("::ffff:10.0.0.1", "private network"),
    ("::127.0.0.1", "this machine"),
    ("64:ff9b::7f00:1", "this machine"),
    ("64:ff9b::a9fe:a9fe", "metadata"),
    ("64:ff9b:1::1", "NAT64"),
    ("2002:7f00:1::", "this machine"),
    ("2002:c0a8:101::1", "private network"),
    ("192.0.2.1", "documentation"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.9", "documentation"),
    ("198.18.0.1", "documentation"),
    ("2001:db8::1", "documentation"),
    ("240.0.0.1", "reserve"),
    ("192.0.0.1", "reserve"),
    ("100::1", "reserve"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address: str) -> None:
    assert why_not(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(("address", "kind"), FORBIDDEN)
def test_an_address_that_only_this_network_reaches_is_refused(address: str, kind: str) -> None:
    assert kind in (why_not(ipaddress.ip_address(address)) or "nothing")


def test_an_address_that_carries_a_public_one_is_as_public_as_that() -> None:
    for address in ("::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"):
        assert why_not(ipaddress.ip_address(address)) is None


def test_a_tunnel_is_judged_by_its_server_and_its_client() -> None:
    assert why_not(ipaddress.ip_address("2001:0:101:101:8000:63bf:f5ff:fffe")) == "a private network"  # its client is 10.0.0.1
    assert why_not(ipaddress.ip_address("2001:0:7f00:1:8000:63bf:fefe:fefe")) == "this machine"  # its server is 127.0.0.1


def test_an_allowed_network_may_be_reached_also_in_its_other_form() -> None:
    allowed = networks("10.2.0.0/16, fd00:1::/32", "networks")
    for address in ("10.2.3.4", "::ffff:10.2.3.4", "64:ff9b::a02:304", "fd00:1::5"):
        assert why_not(ipaddress.ip_address(address), allowed) is None
    for address in ("10.3.0.1", "127.0.0.1", "fd00:2::5"):
        assert why_not(ipaddress.ip_address(address), allowed) is not None


@given(st.ip_addresses())
def test_whatever_the_registries_do_not_call_global_is_refused(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    inside = isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo)
    if not address.is_global and not inside and address not in ipaddress.ip_network("::/96"):
        assert why_not(address) is not None


def test_what_is_no_network_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"10\.0\.0\.1/8"):
        networks("10.0.0.1/8", "networks")
    assert networks("", "networks") == ()
