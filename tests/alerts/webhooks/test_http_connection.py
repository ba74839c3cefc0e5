"""What a connection makes of answers, byte by byte, as good and bad receivers write them."""

import asyncio
import ipaddress

import pytest
from receivers import server

from alerts.webhooks.http_connection import HttpConnection, NoHttpError, connected

HERE = ipaddress.ip_address("127.0.0.1")


async def posts(*answers: bytes, ends: bool = False, headers: tuple[tuple[str, str], ...] = ()) -> tuple[list[tuple[int, bytes]], bool]:
    """Status and body of each answer over one connection, and whether it may be used on."""
    left = list(answers)

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in left.pop(0):  # in as many parts as there can be
            writer.write(bytes([byte]))
            await writer.drain()
        if ends:
            writer.close()

    async with server(talk) as port:
        connection: HttpConnection = await connected(HERE, port, None, "localhost")
        try:
            found = [await connection.post("/", headers, b"{}", 1_000) for _ in answers]
            return [(status, body) for status, _, body in found], connection.is_open
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("answer", "ends", "found", "is_kept"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", False, (204, b""), True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", False, (200, b"ok"), True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False, (200, b"ok"), True),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", False, (202, b""), True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False, (200, b"ok"), False),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", True, (200, b"until the end"), False),
    ],
)
async def test_an_answer_ends_where_http_says(answer: bytes, ends: bool, found: tuple[int, bytes], is_kept: bool) -> None:
    assert await posts(answer, ends=ends) == ([found], is_kept)


async def test_one_connection_takes_one_request_after_another() -> None:
    answer = b"HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\n"
    assert await posts(answer + b"a", answer + b"b") == ([(500, b"a"), (500, b"b")], True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
    ],
)
async def test_half_an_answer_and_one_of_two_lengths_are_none(answer: bytes) -> None:
    with pytest.raises(NoHttpError):
        await posts(answer, ends=True)


async def test_an_answer_to_a_request_that_nobody_made_is_never_taken_for_the_next_one() -> None:
    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(2 * b"HTTP/1.1 204 No Content\r\n\r\n")

    async with server(talk) as port:
        connection = await connected(HERE, port, None, "localhost")
        status, _, _ = await connection.post("/", (), b"{}", 1_000)
        assert (status, connection.is_open) == (204, False)


async def test_no_header_brings_a_line_of_its_own() -> None:
    with pytest.raises(NoHttpError, match="more than one line"):
        await posts(b"HTTP/1.1 204 No Content\r\n\r\n", headers=(("webhook-id", "m1\r\nhost: elsewhere"),))
