"""The application behind a real server on a real socket, in a thread of its own."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from api_imitation import Api

from api.protocol import BoundedProtocol


@contextlib.contextmanager
def served(api: Api) -> Iterator[int]:
    """Serves `api` as `api.server` does; gives the port."""
    config = uvicorn.Config(api.app, "127.0.0.1", 0, loop="uvloop", http=BoundedProtocol, ws="none", log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


def exchange(port: int, *parts: bytes, pause_seconds: float = 0.0) -> bytes:
    """Sends `parts` on one connection, with a pause between two, and gives all that comes until its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause_seconds)
        return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    """What comes on `connection` until its end, however it ends."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            found += chunk
    return found
