"""Releases that came by the control topic, on their way into the registry, which may be away."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping

from stores.decisions import StoreUnavailableError
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

WAITING_MAX = 100
"""They are held in memory. The newest stay: the next id is counted from them, and the topic brings the others again at the next start."""


class Followed:
    """Brings them into the registry in their order. Belongs to the event loop; asks the registry in threads.

    Args:
        found: is told, in a thread, of each one that the registry does not know; of one and the same perhaps again.
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
        """Takes in `release`, of the definitions `texts` (by part). Asks the registry only when it is full."""
        if len(self._waiting) >= WAITING_MAX:
            with contextlib.suppress(StoreUnavailableError):
                await self.adopt()
        if len(self._waiting) >= WAITING_MAX:
            oldest, _ = self._waiting.popleft()
            if not self._passed_over:
                log.warning("release %d reaches the registry at the next start: %d newer ones wait", oldest.id, WAITING_MAX)
            self._passed_over = True
        self._waiting.append((release, texts))

    async def adopt(self) -> None:
        """Returns when all are in the registry.

        Raises:
            StoreUnavailableError: it does not answer, or the audit log does not; they stay.
        """
        async with self._one:
            while self._waiting:
                first = self._waiting[0]
                await asyncio.to_thread(self._try, *first)
                if self._waiting and self._waiting[0] is first:  # else there were too many meanwhile
                    self._waiting.popleft()
            self._passed_over = False

    def _try(self, release: StoredRelease, texts: Mapping[str, str]) -> None:
        try:
            self._adopt(release, texts)
        except StoreUnavailableError:
            raise
        except Exception as error:  # one that the registry cannot keep must not keep back those behind it
            log.error("release %d is not taken into the registry: %s: %s", release.id, type(error).__name__, error)

    def _adopt(self, release: StoredRelease, texts: Mapping[str, str]) -> None:
        for part, text in texts.items():
            self._registry.put(part, text, release.by, release.at_ms)
        known = self._registry.get(release.id)
        if known is None or known.parts != release.parts:
            self._found(release)
        self._registry.adopt(release)
