"""What uvicorn writes of one answer leaves by one call to the system, and nothing waits for what may never come."""

import asyncio

import pytest

from api.joined_writes import JoinedWrites


class Transport(asyncio.Transport):
    """Notes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = ""

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.sent.append(data)

    def get_write_buffer_size(self) -> int:
        return 7

    def close(self) -> None:
        self.closed = "closed"

    def abort(self) -> None:
        self.closed = "aborted"


@pytest.fixture
def transport() -> Transport:
    return Transport()


async def test_what_is_written_before_a_flush_is_sent_at_once(transport: Transport) -> None:
    writes = JoinedWrites(transport, asyncio.get_running_loop())
    writes.write(b"head ")
    writes.write(b"body")
    assert transport.sent == []
    writes.flush()
    await asyncio.sleep(0)
    assert transport.sent == [b"head body"]


async def test_a_head_whose_body_is_made_later_is_sent_in_the_next_turn_of_the_loop(transport: Transport) -> None:
    writes = JoinedWrites(transport, asyncio.get_running_loop())
    writes.write(b"head of a stream")
    await asyncio.sleep(0)
    assert transport.sent == [b"head of a stream"]
    writes.write(b"first event")
    await asyncio.sleep(0)
    assert transport.sent == [b"head of a stream", b"first event"]


async def test_a_connection_that_is_closed_sends_what_was_written_and_one_that_is_aborted_does_not(transport: Transport) -> None:
    for end, sent, closed in (("close", [b"last"], "closed"), ("abort", [], "aborted")):
        transport.sent.clear()
        writes = JoinedWrites(transport, asyncio.get_running_loop())
        writes.write(b"last")
        getattr(writes, end)()
        await asyncio.sleep(0)
        assert (transport.sent, transport.closed) == (sent, closed)


async def test_what_is_held_counts_among_what_has_not_been_sent(transport: Transport) -> None:
    writes = JoinedWrites(transport, asyncio.get_running_loop())
    writes.write(b"123")
    assert writes.get_write_buffer_size() == 7 + 3
