"""Look-ups in a store that the event loop waits for: in threads of their own, bounded in number and time, so that a slow store blocks no
other work."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.auth.cached_credential import VerifierUnavailableError
from stores.decisions import StoreUnavailableError

THREADS = 4
LOOKUP_SECONDS_MAX = 2.0
IN_FLIGHT_MAX = 64

Found = TypeVar("Found")


class BoundedLookups:
    """Runs look-ups, at most `IN_FLIGHT_MAX` at a time; further ones are unavailable at once.

    Args:
        store: what is looked into, for messages, such as ``tokens``.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(THREADS, store)
        self._in_flight = 0
        self._closed = False

    async def ask(self, look_up: Callable[[], Found]) -> Found:
        """What `look_up` gives.

        Raises:
            VerifierUnavailableError: it did not answer within `LOOKUP_SECONDS_MAX`, or raised `StoreUnavailableError`.
        """
        if self._closed or self._in_flight >= IN_FLIGHT_MAX:
            waiting = f"{IN_FLIGHT_MAX} look-ups of {self._store} are waiting"
            raise VerifierUnavailableError("this process is ending" if self._closed else waiting)
        try:
            return await asyncio.wait_for(asyncio.shield(self._start(look_up)), LOOKUP_SECONDS_MAX)
        except TimeoutError as error:
            raise VerifierUnavailableError(f"the store of {self._store} did not answer within {LOOKUP_SECONDS_MAX:g} s") from error
        except StoreUnavailableError as error:
            raise VerifierUnavailableError(f"the store of {self._store} does not answer: {error}") from error

    def close(self) -> None:
        """Ends the threads; look-ups that have not begun are given up."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self, look_up: Callable[[], Found]) -> "asyncio.Future[Found]":
        """Starts a look-up, which counts as in flight until its thread ends, even if nobody waits for it any more."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        self._in_flight += 1
        asked.add_done_callback(self._answered)
        return asked

    def _answered(self, asked: "asyncio.Future[Found]") -> None:
        self._in_flight -= 1
        if not asked.cancelled():
            asked.exception()  # retrieved so that asyncio does not log it: whoever waited got it, or has gone
