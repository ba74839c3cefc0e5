"""A process of the API that has nothing to do sleeps, and ends at a signal at once."""

import asyncio
import signal
import time

import uvicorn

from api import quiet_server
from api.quiet_server import QuietServer


async def test_a_signal_ends_the_server_without_waiting_for_the_next_tick(monkeypatch) -> None:
    monkeypatch.setattr(quiet_server, "TICK_SECONDS", 60.0)
    server = QuietServer(uvicorn.Config(lambda: None))
    serving = asyncio.create_task(server.main_loop())
    await asyncio.sleep(0.01)
    assert not serving.done()
    server.handle_exit(signal.SIGTERM, None)
    async with asyncio.timeout(30):
        await serving
    assert server.should_exit


async def test_a_server_at_rest_ticks_as_often_as_its_header_of_the_date_changes(monkeypatch) -> None:
    monkeypatch.setattr(quiet_server, "TICK_SECONDS", 0.02)
    server, ticks = QuietServer(uvicorn.Config(lambda: None)), []

    async def on_tick(counter: int) -> bool:
        ticks.append(counter % 10)  # the header is made anew where this is 0
        return len(ticks) == 4

    monkeypatch.setattr(server, "on_tick", on_tick)
    began = time.monotonic()
    await server.main_loop()
    assert ticks == [0] * 4
    assert time.monotonic() - began >= 3 * 0.019
