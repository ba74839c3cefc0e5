"""Retrying work until the store that it needs is up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def retry_until_done(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Runs `work` again every `RETRY_SECONDS` until it raises nothing, and then returns.

    Each new error is logged once, with `what` as the name of the work.
    """
    logged = ""
    while True:
        try:
            await work()
        except Exception as error:  # each kind of store raises its own errors, and any of them may pass
            reason = f"{type(error).__name__}: {error}"
            if reason != logged:
                log.warning("%s waits and is tried again every second: %s", what, reason)
            logged = reason
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
