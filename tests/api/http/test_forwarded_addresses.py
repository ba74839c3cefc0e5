"""Whose address a request has as the server hands it to the application."""

from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from api import server
from foundation.settings import Settings


async def test_the_server_believes_no_header_that_names_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clients.append(scope["client"])

    given: list[uvicorn.Config] = []
    monkeypatch.setattr(server, "read_settings", lambda: Settings(runtime="solo"))
    monkeypatch.setattr(server, "find_token", lambda settings: "a-token")
    monkeypatch.setattr(server, "Server", lambda *parts, **named: SimpleNamespace(app=app))
    monkeypatch.setattr(server, "connections_for", lambda *numbers: server.BoundedProtocol.connections_max)
    monkeypatch.setattr(server, "raise_limit", lambda: 0)
    monkeypatch.setattr("sys.setswitchinterval", lambda seconds: None)
    monkeypatch.setattr(server, "serve", lambda config: given.append(config) or True)
    server.main()
    [config] = given
    config.load()
    headers = [(b"x-forwarded-for", b"203.0.113.9")]
    scope = {"type": "http", "client": ("127.0.0.1", 4711), "headers": headers, "scheme": "http", "path": "/", "method": "GET"}
    await config.loaded_app(scope, None, None)  # type: ignore[arg-type]
    assert clients == [("127.0.0.1", 4711)]
