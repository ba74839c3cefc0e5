"""Tells watchers that cases have changed, so that a page asks for them when there is something to ask for."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from api.stream.stream import Wanted, Watcher, frame_of, require_room
from stores.decisions import StoreUnavailableError

LOOK_SECONDS = 0.5
log = logging.getLogger(__name__)

Newest = Callable[[], tuple[int, str] | None]
"""Gives the time of the newest change of a case, ms since the epoch, and its id. Blocks."""


class CaseChanges:
    """All watchers of one process. While there are any, the store is asked each `look_seconds` for its newest change: one look for all.

    Which cases changed is not told: a watcher may not see all of them. Only the event loop's thread may use it.
    """

    def __init__(self, newest: Newest, look_seconds: float = LOOK_SECONDS) -> None:
        self._newest = newest
        self._look_seconds = look_seconds
        self._watchers: list[Watcher] = []
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._watchers)

    async def join(self) -> Watcher:
        """Adds a watcher. The caller has to call `leave` afterwards.

        Raises:
            Problem: 429, there are `CLIENTS_MAX` watchers already.
        """
        require_room(self._watchers, "watchers of cases")
        watcher = Watcher(Wanted())
        self._watchers.append(watcher)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return watcher

    async def leave(self, watcher: Watcher) -> None:
        """Removes a watcher; with the last one the looking ends."""
        self._watchers.remove(watcher)
        if not self._watchers and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        known = await self._asked(None)
        while True:
            await asyncio.sleep(self._look_seconds)
            newest = await self._asked(known)
            if newest == known or newest is None:
                continue
            known = newest
            for watcher in self._watchers:
                watcher.put(frame_of("changed", msgspec.json.encode({"at_ms": newest[0]})))

    async def _asked(self, known: tuple[int, str] | None) -> tuple[int, str] | None:
        """The newest change; what is known already where the store does not answer, which whoever asks for cases is told."""
        try:
            return await asyncio.to_thread(self._newest)
        except StoreUnavailableError as error:
            log.debug("changes of cases are not looked for: %s", error)
            return known
