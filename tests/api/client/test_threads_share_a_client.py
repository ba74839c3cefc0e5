"""Many threads share a client: each has its answer, and connections are kept."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from api.client.client import Client

THREADS, CALLS = 40, 400


class Counting(ThreadingHTTPServer):
    """Counts the connections that are made to it."""

    request_queue_size = 4 * THREADS
    """Beyond it the kernel lets a connection wait for a second, and then for ever longer."""
    connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class Answering(BaseHTTPRequestHandler):
    """Answers every path with its own text."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"1"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_each_thread_has_its_answer_and_connections_are_kept(server: Counting) -> None:
    parts = [f"part-{number}" for number in range(CALLS)]
    with Client(f"http://127.0.0.1:{server.server_port}", "token", seconds_max=120) as client, ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(client.text, parts))
    assert [answer and answer.text for answer in answers] == [f"/v1/{part}" for part in parts]
    assert server.connections <= THREADS
