"""Whether each store of an API process answers, asked in threads of their own: one that stands still takes none from requests."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from api.access import Access
from api.checks import Check
from api.token import OWNER
from stores.decisions import Decisions
from stores.registry import Registry

NOBODY = "-"
"""Asked for as an event, a kind and an id: what counts is that an answer comes."""


class StoreChecks:
    """The checks of all stores but that of metrics.

    Args:
        decisions: read in threads.
        quick_decisions: read on the event loop.
    """

    def __init__(self, decisions: Decisions, quick_decisions: Decisions, registry: Registry, access: Access) -> None:
        self._decisions = decisions
        self._quick_decisions = quick_decisions
        self._registry = registry
        self._access = access
        self._threads = ThreadPoolExecutor(4, "store-checks")

    def all(self) -> dict[str, Check]:
        """By the name of the part."""
        access = self._access
        asked: dict[str, Callable[[], object]] = {
            "registry": self._registry.newest,
            "tokens": lambda: access.tokens.by_name(OWNER),
            "audit": lambda: access.audit.page(None, 1),
        }
        return {"store": self._store} | {name: self._in_thread(ask) for name, ask in asked.items()}

    def close(self) -> None:
        """Waits for no answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _in_thread(self, ask: Callable[[], object]) -> Check:
        async def check() -> str:
            await asyncio.get_running_loop().run_in_executor(self._threads, ask)
            return ""

        return check

    async def _store(self) -> str:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._decisions.get, NOBODY)
        await self._quick_decisions.latest_soon(NOBODY, NOBODY)
        return ""
