"""A receiver of webhooks in a thread of its own, which keeps ids and fails as a test says. For tests only."""

import http.server
import threading
from collections.abc import Callable

Fails = Callable[[], str]
"""Says how the next request ends: ``""`` well, ``"500"`` or another status, ``"cut"`` without an answer, ``"late"`` taken without one."""


class KeepingReceiver(http.server.ThreadingHTTPServer):
    """Handles each id once, and remembers headers and body in the order in which it did.

    Args:
        fails: how requests end; by default well.

    Attributes:
        taken: header ``webhook-id`` and body of what it handled.
        requests: how many came.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, fails: Fails = lambda: "") -> None:
        self.fails = fails
        self.taken: list[tuple[str, bytes]] = []
        self.requests = 0
        self._ids: set[str] = set()
        self._one = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/in"

    def __enter__(self) -> "KeepingReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """Says nothing: a sender that was killed has cut its connections."""

    def handle(self, id: str, body: bytes) -> str:
        """Handles one request, and says how it ends."""
        with self._one:
            self.requests += 1
            how = self.fails()
            if how in ("", "late") and id not in self._ids:
                self._ids.add(id)
                self.taken.append((id, body))
            return how


class _Handler(http.server.BaseHTTPRequestHandler):
    server: KeepingReceiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed meanwhile; a signature would not fit either
            self.close_connection = True
            return
        how = self.server.handle(self.headers["webhook-id"], body)
        if how in ("cut", "late"):
            self.close_connection = True
            return
        self.send_response(int(how) if how else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
