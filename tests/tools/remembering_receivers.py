"""A receiver of webhooks in a thread of its own, which takes every message. For tests only."""

import http.server
import threading


class RememberingReceiver(http.server.ThreadingHTTPServer):
    """Remembers headers, by names in lower case, and body of each message, in the order in which they came."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/in"

    def __enter__(self) -> "RememberingReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: RememberingReceiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
