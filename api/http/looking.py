"""Does work that waits in a store, for as long as the process runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from api.http.even_times import until_even
from stores.looking import CommitNumber, Looking

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
RETRY_SECONDS = 5.0


async def work_when_due(step: Callable[[], Awaitable[bool]], number: CommitNumber, what: str) -> NoReturn:
    """Does `step` again at once as long as it returns True, and else looks every `LOOK_SECONDS` whether it is due, see `Looking`.

    Whatever it raises may pass: it is logged with `what` as the name of the work, and the step is tried again after `RETRY_SECONDS`.
    """
    looking = Looking(number)
    while True:
        try:
            if looking.is_due():
                while await step():
                    await asyncio.sleep(0)
            await until_even(LOOK_SECONDS)
        except Exception as error:
            looking.failed()
            log.warning("%s wait, and are tried again: %s: %s", what, type(error).__name__, error)
            await asyncio.sleep(RETRY_SECONDS)
