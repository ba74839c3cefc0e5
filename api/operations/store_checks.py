"""Checks whether each store of an API process answers, in threads of its own, so that a store that hangs takes no thread from requests."""

import asyncio
import pathlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from api.auth.access import Access
from api.auth.token import OWNER
from api.operations.checks import Check, seldom
from stores.decisions import Decisions
from stores.looking import CommitNumber, unknown
from stores.registry import Registry

ROOM_BYTES_LEAST = 1 << 20
"""With less free space than this on the disk of the SQLite files, the next change may fail."""
NOBODY = "-"
"""The checks ask for this event, entity type and id, which do not exist: it only matters that an answer comes."""


class StoreChecks:
    """The checks of all stores except that of metrics.

    Args:
        decisions: the store of decisions that is read in threads.
        quick_decisions: the store of decisions that is read on the event loop.
        folder: the folder of the SQLite files that changes are written to; None when the stores are servers.
        commits: tells whether anybody has committed to the store of what people own; a file that says so can be read.
    """

    def __init__(
        self,
        decisions: Decisions,
        quick_decisions: Decisions,
        registry: Registry,
        access: Access,
        folder: pathlib.Path | None = None,
        commits: CommitNumber = unknown,
    ) -> None:
        self._decisions = decisions
        self._quick_decisions = quick_decisions
        self._registry = registry
        self._access = access
        self._folder = folder
        self._commits = commits
        self._threads = ThreadPoolExecutor(4, "store-checks")

    def all(self) -> dict[str, Check]:
        """All checks by the name of the part."""
        access = self._access
        return {
            "store": self._store,
            "registry": self._in_thread(self._registry.newest, self._lack_of_room),
            "tokens": self._in_thread(lambda: access.tokens.by_name(OWNER)),
            "audit": self._in_thread(lambda: access.audit.page(None, 1), self._lack_of_room),
        }

    def close(self) -> None:
        """Ends the threads without waiting for answers."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _in_thread(self, ask: Callable[[], object], problem: Callable[[], str] = str) -> Check:
        """A check that calls `ask` in a thread and, if that raises nothing, gives the result of `problem`."""

        async def answers() -> str:
            await asyncio.get_running_loop().run_in_executor(self._threads, ask)
            return ""

        asked = seldom(answers, self._commits)

        async def check() -> str:
            return await asked() or problem()

        return check

    def _lack_of_room(self) -> str:
        if self._folder is None or (free := shutil.disk_usage(self._folder).free) >= ROOM_BYTES_LEAST:
            return ""
        return f"the disk of {self._folder} has only {free} bytes free; changes fail until there are {ROOM_BYTES_LEAST}"

    async def _store(self) -> str:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._decisions.get, NOBODY)
        await self._quick_decisions.latest_soon(NOBODY, NOBODY)
        return ""
