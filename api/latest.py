"""The latest score of an entity for callers on the event loop: at once from a file, within a bound from a server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stores.cassandra_decisions import LATEST_ROWS, CassandraDecisions, latest_of
from stores.decisions import Decisions, LatestScore, StoreUnavailableError

Latest = Callable[[str, str], Awaitable[LatestScore | None]]
"""The latest score of (kind, id). Raises `StoreUnavailableError`."""


def latest_from(store: Decisions, timeout_seconds: float) -> Latest:
    """How the event loop reads latest scores from `store`.

    Args:
        timeout_seconds: for a store that is a server.
    """
    if not isinstance(store, CassandraDecisions):

        async def read(kind: str, id: str) -> LatestScore | None:
            return store.latest(kind, id)

        return read

    async def ask(kind: str, id: str) -> LatestScore | None:
        try:
            async with asyncio.timeout(timeout_seconds):
                rows = await _first_page(store, kind, id)
                latest = latest_of(rows)
                if latest is None and len(rows) == LATEST_ROWS:  # all retracted: those behind them are read in a thread
                    latest = await asyncio.to_thread(store.latest, kind, id)
                return latest
        except TimeoutError as error:
            raise StoreUnavailableError(f"no answer within {timeout_seconds * 1000:.0f} ms") from error

    return ask


async def _first_page(store: CassandraDecisions, kind: str, id: str) -> list[Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(rows: list[Any] | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(rows or [])
        else:
            answer.set_exception(StoreUnavailableError(str(error)))

    asked = store.ask_latest(kind, id)
    asked.add_callbacks(
        lambda rows: loop.call_soon_threadsafe(settle, rows, None), lambda error: loop.call_soon_threadsafe(settle, None, error)
    )
    return await answer
