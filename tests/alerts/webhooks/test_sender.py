"""Sending to real servers on this machine, well-meaning and hostile ones."""

import asyncio
import datetime
import ipaddress
import pathlib
import ssl
from collections.abc import Awaitable, Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from receivers import answer, server

from alerts.webhooks.addresses import networks
from alerts.webhooks.receiver import read_receiver
from alerts.webhooks.sender import EXCERPT_BYTES_MAX, Answer, Sender

TLS = ssl.create_default_context()
HERE = networks("127.0.0.0/8", "networks")
BODY = b'{"type":"alert.opened"}'


async def send(
    port: int, resolve: Callable[[str, int], Awaitable[list[str]]] | None = None, timeout_s: float = 20, trusted: pathlib.Path | None = None
) -> Answer:
    receiver = read_receiver(f"{'https' if trusted else 'http'}://localhost:{port}/in", "url", is_plain_allowed=True)
    sender = Sender(receiver, HERE, ssl.create_default_context(cafile=trusted), timeout_s, resolve or here)
    try:
        return await sender.send({"webhook-id": "m1"}, BODY)
    finally:
        await sender.close()


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_a_message_arrives_whole_with_the_name_of_its_receiver() -> None:
    seen: list[bytes] = []

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answer(writer, "200 OK", b"thanks")

    async with server(talk) as port:
        found = await send(port)
    assert (found.reply.status, found.excerpt, found.fault) == (200, "thanks", "")
    assert seen[0].startswith(b"POST /in HTTP/1.1\r\n") and seen[0].endswith(BODY)
    assert f"\r\nhost: localhost:{port}\r\n".encode() in seen[0].lower() and b"\r\nwebhook-id: m1\r\n" in seen[0].lower()


async def test_a_redirect_is_not_followed() -> None:
    requests: list[bytes] = []

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(request)
        await answer(writer, "302 Found", headers="Location: http://127.0.0.1:1/metadata\r\n")

    async with server(talk) as port:
        assert (await send(port)).reply.status == 302
    assert len(requests) == 1


async def test_a_name_that_changes_its_answer_is_caught_at_each_attempt() -> None:
    answers = [["1.1.1.1"], ["127.0.0.1"]]
    connected: list[bytes] = []

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop()

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        connected.append(request)
        await answer(writer, "200 OK")

    async with server(talk) as port:
        sender = Sender(read_receiver(f"http://rebinding.example:{port}/", "url", True), (), TLS, 5, rebinding)
        found = await sender.send({}, BODY)
        await sender.close()
    assert found.reply.is_forbidden and "rebinding.example stands for an address of this machine" in found.fault
    assert not connected


async def test_the_address_that_was_vetted_is_the_one_that_is_connected_to() -> None:
    """The name is one that no resolver knows, so that a connection by the name would fail."""

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        await answer(writer, "200 OK")

    async with server(talk) as port:
        sender = Sender(read_receiver(f"http://unknown.invalid:{port}/", "url", True), HERE, TLS, 20, here)
        assert (await sender.send({}, BODY)).reply.status == 200
        await sender.close()


async def test_no_more_than_a_bounded_part_of_an_endless_answer_is_read() -> None:
    sent = 0

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 100000000\r\n\r\n")
        while sent < 100_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with server(talk) as port:
        found = await send(port)
    assert (found.reply.status, len(found.excerpt)) == (500, EXCERPT_BYTES_MAX)
    assert sent < 50_000_000


async def test_an_answer_that_drips_for_ever_ends_at_the_timeout() -> None:
    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Drip: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with server(talk) as port:
        found = await send(port, timeout_s=0.5)
    assert found.reply.status is None and "within 0.5 s" in found.fault


@pytest.mark.parametrize(
    "garbage", [b"", b"\x00\xff\xfe", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 999999 ?\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000]
)
async def test_what_is_no_http_is_a_failure_in_words(garbage: bytes) -> None:
    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()

    async with server(talk) as port:
        found = await send(port)
    assert found.reply.status is None and found.fault


async def test_a_port_that_nobody_listens_on_and_a_name_that_nobody_knows_are_failures() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    async with server(lambda request, writer: answer(writer, "200 OK")) as port:
        pass
    assert (await send(port)).fault
    assert "not known" in (await send(port, unknown)).fault


async def test_a_certificate_is_checked_against_the_name_and_not_the_address(tmp_path: pathlib.Path) -> None:
    certificate = self_signed(tmp_path, x509.DNSName("localhost"))
    other = self_signed(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    outcomes = []
    for file in (certificate, other):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(file)
        async with server(lambda request, writer: answer(writer, "200 OK"), tls) as port:
            outcomes.append(await send(port, trusted=file))
    assert (outcomes[0].reply.status, outcomes[1].reply.status) == (200, None)
    assert "localhost" in outcomes[1].fault


def self_signed(folder: pathlib.Path, name: x509.GeneralName) -> pathlib.Path:
    """A file with a new certificate for `name` and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), 1, now - datetime.timedelta(hours=1), now + datetime.timedelta(hours=1)
    )
    certificate = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False).sign(key, hashes.SHA256())
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / f"{type(name).__name__}.pem"
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return file
