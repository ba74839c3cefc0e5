"""Decisions read back over HTTP, one request each, on connections that stay open. For tests only."""

import asyncio
from collections.abc import Callable, Sequence

import uvloop

CONNECTIONS = 8
SECONDS_MAX = 3_600.0


def read_back(port: int, token: str, ids: Sequence[int], take: Callable[[int, bytes], None]) -> None:
    """Calls `take` with the place of each id and the body of ``GET /v1/decisions/{id}``; another status than 200 is an error."""

    async def all_of_them() -> None:
        parts = (one_connection(port, token, ids, range(first, len(ids), CONNECTIONS), take) for first in range(CONNECTIONS))
        async with asyncio.timeout(SECONDS_MAX):
            await asyncio.gather(*parts)

    uvloop.run(all_of_them())


async def one_connection(port: int, token: str, ids: Sequence[int], rows: range, take: Callable[[int, bytes], None]) -> None:
    """Reads `rows` one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    tail = f" HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\r\n"
    try:
        for row in rows:
            writer.write(f"GET /v1/decisions/{ids[row]}{tail}".encode())
            status, *headers = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            [length] = [int(header.partition(b":")[2]) for header in headers if header.startswith(b"content-length:")]
            body = await reader.readexactly(length)
            assert status.split()[1] == b"200", f"event {ids[row]}: {status!r} {body!r}"
            take(row, body)
    finally:
        writer.close()
    await writer.wait_closed()
