"""How long a thread of the API may hold the interpreter while another one waits for it."""

from types import SimpleNamespace

import pytest

from api import server
from foundation.settings import Settings


@pytest.mark.parametrize(("runtime", "seconds"), [("flink", server.SWITCH_SECONDS), ("solo", server.SWITCH_SECONDS_OF_SOLO)])
def test_an_engine_in_the_process_may_finish_its_batch(monkeypatch: pytest.MonkeyPatch, runtime: str, seconds: float) -> None:
    found: list[float] = []
    monkeypatch.setattr(server, "read_settings", lambda: Settings(runtime=runtime))
    monkeypatch.setattr(server, "find_token", lambda settings: "a-token")
    monkeypatch.setattr(server, "Server", lambda *parts, **named: SimpleNamespace(app=None))
    monkeypatch.setattr(server, "connections_for", lambda *numbers: server.BoundedProtocol.connections_max)
    monkeypatch.setattr(server, "raise_limit", lambda: 0)
    monkeypatch.setattr("sys.setswitchinterval", found.append)
    monkeypatch.setattr(server, "serve", lambda config: True)
    server.main()
    assert found == [seconds]
