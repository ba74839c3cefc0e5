"""Answers that Druid's broker breaks off or spins out: a query of metrics ends, and says that the store is away."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from stores.metrics.druid_metrics import DruidMetrics
from stores.metrics.metric_rows import MINUTE_MS
from stores.metrics.metrics import MetricQuery, MetricsUnavailableError

TIMEOUT_SECONDS = 0.5
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
ROW = b'[{"timestamp":"2026-11-23T00:00:00.000Z","event":{"count":1'
QUERY = MetricQuery(metric="decisions", from_ms=0, to_ms=MINUTE_MS)


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def broken_off(peer: socket.socket) -> None:
    """Rows are streamed, so a failure behind the first of them comes with status 200."""
    peer.sendall(HEAD + chunk(ROW) + b"0\r\n\r\n")


def connection_lost(peer: socket.socket) -> None:
    peer.sendall(HEAD + chunk(ROW))


def no_rows(peer: socket.socket) -> None:
    peer.sendall(HEAD + chunk(b'{"error": "Query timeout"}') + b"0\r\n\r\n")


def spun_out(peer: socket.socket) -> None:
    """A byte now and then, each well within the timeout of a read."""
    peer.sendall(HEAD)
    for _ in range(200):
        time.sleep(TIMEOUT_SECONDS / 5)
        peer.sendall(chunk(b" "))


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that takes one request and answers as the parameter does."""
    answer: Callable[[socket.socket], None] = request.param
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, answer))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)


def serve(listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    peer, _ = listener.accept()
    with peer:
        peer.recv(65_536)
        with contextlib.suppress(OSError):  # the client may have gone
            answer(peer)


@pytest.mark.parametrize("url", [broken_off, connection_lost, no_rows, spun_out], indirect=True)
def test_an_answer_that_is_no_whole_one_is_a_store_that_is_away(url: str) -> None:
    store = DruidMetrics(url, "weir.metrics", TIMEOUT_SECONDS)
    began = time.monotonic()
    with pytest.raises(MetricsUnavailableError):
        store.query(QUERY, ())
    assert time.monotonic() - began < 20 * TIMEOUT_SECONDS  # spun out, it would be 40 times as long
    store.close()
