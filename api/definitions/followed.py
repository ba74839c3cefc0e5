"""Releases that were read from the control topic and wait to be written to the registry, which may be down."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping

from stores.decisions import StoreUnavailableError
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

WAITING_MAX = 100
"""So many releases wait in memory. When there are more, the oldest one is dropped: the newest are needed for the next id, and the next
start reads the others from the topic again."""


class Followed:
    """Writes followed releases to the registry in their order. Only the event loop may use it; the registry is called in threads.

    Args:
        found: is called in a thread with each release that the registry does not know, perhaps more than once with the same one.
    """

    def __init__(self, registry: Registry, found: Callable[[StoredRelease], None]) -> None:
        self._registry = registry
        self._found = found
        self._waiting: deque[tuple[StoredRelease, Mapping[str, str]]] = deque()
        self._one = asyncio.Lock()
        self._passed_over = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def add(self, release: StoredRelease, texts: Mapping[str, str]) -> None:
        """Adds `release` with its `texts` (by part) to those that wait; it calls the registry only when `WAITING_MAX` wait already."""
        if len(self._waiting) >= WAITING_MAX:
            with contextlib.suppress(StoreUnavailableError):
                await self.adopt()
        if len(self._waiting) >= WAITING_MAX:
            oldest, _ = self._waiting.popleft()
            if not self._passed_over:
                text = "release %d is written to the registry at the next start, because %d newer releases wait for the registry"
                log.warning(text, oldest.id, WAITING_MAX)
            self._passed_over = True
        self._waiting.append((release, texts))

    async def adopt(self) -> None:
        """Writes all waiting releases to the registry.

        Raises:
            StoreUnavailableError: the registry or the audit log does not answer; the releases stay waiting.
        """
        async with self._one:
            while self._waiting:
                first = self._waiting[0]
                await asyncio.to_thread(self._try, *first)
                if self._waiting and self._waiting[0] is first:  # otherwise `add` has dropped it in the meantime
                    self._waiting.popleft()
            self._passed_over = False

    def _try(self, release: StoredRelease, texts: Mapping[str, str]) -> None:
        try:
            self._adopt(release, texts)
        except StoreUnavailableError:
            raise
        except Exception as error:  # a release that the registry cannot store must not block those after it
            log.error("release %d could not be written to the registry: %s: %s", release.id, type(error).__name__, error)

    def _adopt(self, release: StoredRelease, texts: Mapping[str, str]) -> None:
        for part, text in texts.items():
            self._registry.put(part, text, release.by, release.at_ms)
        known = self._registry.get(release.id)
        if known is None or known.parts != release.parts:
            self._found(release)
        self._registry.adopt(release)
