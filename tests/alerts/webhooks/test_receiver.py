"""URLs of receivers, and the addresses that their names stand for."""

import pytest

from alerts.webhooks.addresses import networks
from alerts.webhooks.receiver import ADDRESSES_MAX, AddressRefusedError, read_receiver, vetted_address
from foundation.refusal import Refusal

RECEIVER = read_receiver("https://hooks.example.com/in?team=7", "url")


async def vetted(*addresses: str, allowed: str = "") -> str:
    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("hooks.example.com", 443)
        return list(addresses)

    return str(await vetted_address(RECEIVER, networks(allowed, "networks"), resolve))


def test_a_url_is_taken_apart() -> None:
    assert (RECEIVER.host, RECEIVER.port, RECEIVER.target, RECEIVER.host_header) == (
        "hooks.example.com",
        443,
        "/in?team=7",
        "hooks.example.com",
    )
    other = read_receiver("https://[2606:4700::1111]:8443", "url")
    assert (other.host, other.port, other.target, other.host_header) == ("2606:4700::1111", 8443, "/", "[2606:4700::1111]:8443")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:secret@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:x/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nx: y",
        "https://hööks.example.com/",
        "https://[::1/",
        "https://hooks.example.com/" + "x" * 2_000,
    ],
)
def test_what_is_no_url_of_a_receiver_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_receiver(url, "url")
    assert "secret" not in str(refused.value)


def test_plain_http_has_to_be_allowed() -> None:
    assert read_receiver("http://hooks.example.com/", "url", is_plain_allowed=True).port == 80


async def test_a_name_with_public_addresses_alone_is_reached_at_the_first() -> None:
    assert await vetted("93.184.216.34", "1.1.1.1") == "93.184.216.34"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"])
async def test_a_name_with_one_forbidden_address_is_refused_whole(address: str) -> None:
    with pytest.raises(AddressRefusedError, match=r"hooks\.example\.com"):
        await vetted("1.1.1.1", address)


async def test_a_network_that_is_allowed_may_be_reached() -> None:
    assert await vetted("10.2.3.4", allowed="10.2.0.0/16") == "10.2.3.4"


async def test_a_name_for_nothing_or_for_too_much_is_not_reached() -> None:
    for addresses in ([], ["1.1.1.1"] * (ADDRESSES_MAX + 1)):
        with pytest.raises(OSError, match="addresses"):
            await vetted(*addresses)


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://[::ffff:7f00:1]/", "https://localhost/"]
)
async def test_other_ways_to_write_this_machine_are_seen_through(url: str) -> None:
    with pytest.raises(AddressRefusedError, match="this machine"):
        await vetted_address(read_receiver(url, "url"), ())
