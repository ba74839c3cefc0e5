"""Serves as uvicorn does, and sleeps longer: its own loop wakes up ten times a second to see whether it is to end."""

import asyncio
import contextlib
from types import FrameType

import uvicorn

TICK_SECONDS = 1.0
"""How often the header `date` is renewed, which has whole seconds."""


class QuietServer(uvicorn.Server):
    """Ends at a signal at once, and within `TICK_SECONDS` where somebody sets `should_exit`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signalled = asyncio.Event()

    async def main_loop(self) -> None:
        """Returns when the server is to end."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._signalled.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Is called with a signal that ends the server."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._signalled.set)


def serve(config: uvicorn.Config) -> bool:
    """Serves until a signal comes; returns whether the application started."""
    server = QuietServer(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return server.started
