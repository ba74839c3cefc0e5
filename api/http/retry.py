"""Work that waits for a store which is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def settled(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Awaits `work` once a second until it raises nothing; a new reason is said in the log, where the work is called `what`."""
    told = ""
    while True:
        try:
            await work()
        except Exception as error:  # whatever store it is, it may answer later
            reason = f"{type(error).__name__}: {error}"
            if reason != told:
                log.warning("%s waits: %s", what, reason)
            told = reason
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
